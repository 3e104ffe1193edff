import { generateKeyPairSync } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { makeKey, type IssuerKey } from "../test/tokens.ts";
import { parseKeySet } from "./key-set.ts";

let ec: IssuerKey;
let rsa: IssuerKey;
beforeAll(async () => {
  [ec, rsa] = await Promise.all([makeKey("ec-1"), makeKey("rsa-1", "RS256")]);
});

const usable = async (change: Record<string, unknown>, of: () => IssuerKey = () => ec): Promise<boolean> => {
  const set = await parseKeySet({ keys: [{ ...of().publicJwk, ...change }] });
  return set.ok && set.value.get(of().kid) !== null && set.value.has(of().kid);
};

describe("key set", () => {
  it("turns what an issuer publishes into keys by id", async () => {
    const set = await parseKeySet({ keys: [ec.publicJwk, rsa.publicJwk] });
    expect(set.ok && [...set.value.values()].map((key) => [key?.kid, key?.alg])).toEqual([
      ["ec-1", "ES256"],
      ["rsa-1", "RS256"],
    ]);
  });

  it("gives two keys two thumbprints, whatever they are called", async () => {
    const other = await makeKey("ec-1");
    const [a, b] = await Promise.all([ec, other].map(({ publicJwk }) => parseKeySet({ keys: [publicJwk] })));
    const thumbprints = [a, b].map((set) => (set?.ok ? set.value.get("ec-1")?.thumbprint : undefined));
    expect(thumbprints[0]).toMatch(/^[\w-]{43}$/);
    expect(thumbprints[1]).not.toBe(thumbprints[0]);
  });

  it.each([
    ["without use and alg", { use: undefined, alg: undefined }, true],
    ["for verifying", { key_ops: ["verify"] }, true],
    ["for encryption", { use: "enc" }, false],
    ["for signing only", { key_ops: ["sign"] }, false],
    ["with odd key_ops", { key_ops: "verify" }, false],
    ["with another alg", { alg: "ES384" }, false],
    ["with an RSA alg", { alg: "RS256" }, false],
    ["on another curve", { crv: "P-384" }, false],
    ["on secp256k1", { crv: "secp256k1" }, false],
    ["of an unknown type", { kty: "OKP" }, false],
    ["off the curve", { y: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }, false],
    ["without a coordinate", { x: undefined }, false],
  ])("uses a P-256 key %s: %j -> %s", async (_, change, expected) => {
    expect(await usable(change)).toBe(expected);
  });

  it.each([
    ["as it is", {}, true],
    ["with 2040 bits", { n: "A".repeat(1) + "_".repeat(339) }, false],
    ["with an empty modulus", { n: "" }, false],
    ["with a modulus that is not base64url", { n: "====" }, false],
    ["with RS512", { alg: "RS512" }, false],
    ["with PS256", { alg: "PS256" }, false],
  ])("uses an RSA key %s: %j -> %s", async (_, change, expected) => {
    expect(await usable(change, () => rsa)).toBe(expected);
  });

  it("refuses a short RSA key that only looks long because of leading zeros", async () => {
    const { n = "", e = "" } = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" });
    const padded = Buffer.concat([Buffer.alloc(200), Buffer.from(n, "base64url")]).toString("base64url");
    for (const modulus of [n, padded]) expect(await usable({ n: modulus, e }, () => rsa)).toBe(false);
  });

  it.each([
    ["shape", null],
    ["shape", []],
    ["shape", { keys: {} }],
    ["shape", { keys: [null] }],
    ["shape", { keys: ["key"] }],
    ["shape", { keys: [{ kty: "EC", kid: 1 }] }],
    ["shape", { keys: [{ kty: "EC", kid: "" }] }],
    ["shape", { keys: [{ kty: "EC", kid: "k".repeat(129) }] }],
    [
      "duplicate-kid",
      {
        keys: [
          { kty: "EC", kid: "a" },
          { kty: "RSA", kid: "a" },
        ],
      },
    ],
    ["symmetric", { keys: [{ kty: "oct", kid: "a", k: "c2VjcmV0" }] }],
    ["symmetric", { keys: [{ kty: "oct" }] }],
    ["private", { keys: [{ kty: "EC", kid: "a", d: "x" }] }],
    ["private", { keys: [{ kty: "RSA", kid: "a", qi: "x" }] }],
    ["too-many", { keys: Array.from({ length: 21 }, (_, i) => ({ kty: "EC", kid: String(i) })) }],
  ])("is refused as a whole (%s): %j", async (fault, value) => {
    expect(await parseKeySet(value)).toEqual({ ok: false, error: fault });
  });

  it("skips a key without an id, which no token could ask for", async () => {
    const set = await parseKeySet({ keys: [{ ...ec.publicJwk, kid: undefined }, rsa.publicJwk] });
    expect(set.ok && [...set.value.keys()]).toEqual(["rsa-1"]);
  });
});
