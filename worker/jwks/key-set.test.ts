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
  return set.ok && Object.keys(set.value.keys.get(of().kid) ?? {}).length > 0;
};
/** Ids and algorithms of the keys that are used, and what is odd about the set. */
const summary = async (keys: readonly unknown[]): Promise<unknown> => {
  const set = await parseKeySet({ keys });
  if (!set.ok) return set.error;
  const used = [...set.value.keys].flatMap(([kid, listed]) =>
    Object.entries(listed).map(([alg, key]) => `${kid} ${alg}${key === "ambiguous" ? " twice" : ""}`),
  );
  return [used, set.value.oddities];
};

describe("key set", () => {
  it("turns what an issuer publishes into keys by id", async () => {
    expect(await summary([ec.publicJwk, rsa.publicJwk])).toEqual([["ec-1 ES256", "rsa-1 RS256"], []]);
  });

  it("gives two keys two thumbprints, whatever they are called", async () => {
    const other = await makeKey("ec-1");
    const [a, b] = await Promise.all([ec, other].map(({ publicJwk }) => parseKeySet({ keys: [publicJwk] })));
    const thumbprints = [a, b].map((set) => {
      const key = set?.ok ? set.value.keys.get("ec-1")?.ES256 : undefined;
      return key === "ambiguous" ? undefined : key?.thumbprint;
    });
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

  it.each([null, [], "keys", 1, {}, { keys: {} }, { keys: null }])("is refused when it is none: %j", async (value) => {
    expect(await parseKeySet(value)).toEqual({ ok: false, error: "shape" });
  });
});

describe("keys of a set that are of no use", () => {
  it.each<[string, unknown, readonly string[]]>([
    ["null", null, []],
    ["a text", "key", []],
    ["a list", [], []],
    ["an empty object", {}, []],
    ["a number as id", { kty: "EC", kid: 1 }, []],
    ["null as id", { kty: "EC", kid: null }, []],
    ["an empty id", { kty: "EC", kid: "" }, []],
    ["an id of 200 characters", { kty: "EC", crv: "P-256", kid: "k".repeat(200) }, []],
    ["an id of 5000 characters", { kty: "EC", kid: "k".repeat(5000) }, []],
    ["an id that objects have anyway", { kty: "EC", kid: "__proto__" }, []],
    ["no type", { kid: "a" }, []],
    ["a type that is none", { kty: 7, kid: "a" }, []],
    ["another type", { kty: "OKP", crv: "Ed25519", x: "AAAA", kid: "a" }, []],
    ["a type of the future", { kty: "AKP", alg: "ML-DSA-65", pub: "AAAA", kid: "a" }, []],
    ["another curve", { kty: "EC", crv: "P-384", x: "AAAA", y: "AAAA", kid: "a" }, []],
    ["another purpose", { kty: "RSA", use: "enc", n: "AQAB", e: "AQAB", kid: "a" }, []],
    ["a purpose that is a list", { kty: "RSA", use: ["sig"], kid: "a" }, []],
    ["an algorithm that is a number", { kty: "EC", crv: "P-256", alg: 256, kid: "a" }, []],
    ["coordinates that are objects", { kty: "EC", crv: "P-256", x: {}, y: [], kid: "a" }, []],
    ["a modulus that is a number", { kty: "RSA", n: 12345, e: "AQAB", kid: "a" }, []],
    ["an exponent that is missing", { kty: "RSA", n: "_".repeat(342), kid: "a" }, []],
    ["a shared secret", { kty: "oct", kid: "a", k: "c2VjcmV0" }, ["symmetric"]],
    ["a shared secret without an id", { kty: "oct" }, ["symmetric"]],
    ["a private EC key", { kty: "EC", kid: "a", d: "x" }, ["private"]],
    ["a private RSA key", { kty: "RSA", kid: "a", qi: "x" }, ["private"]],
    ["a private key of the future", { kty: "AKP", kid: "a", priv: "x" }, ["private"]],
  ])("are skipped, and the others are used: %s", async (_, odd, oddities) => {
    for (const keys of [
      [odd, ec.publicJwk],
      [ec.publicJwk, odd],
    ])
      expect(await summary(keys)).toEqual([["ec-1 ES256"], oddities]);
  });

  it.each(["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])(
    "include a good one whose private part (%s) is published",
    async (member) => {
      expect(await summary([{ ...ec.publicJwk, [member]: "x" }, rsa.publicJwk])).toEqual([
        ["rsa-1 RS256"],
        ["private"],
      ]);
    },
  );

  it("include one without an id, which no token could ask for", async () => {
    expect(await summary([{ ...ec.publicJwk, kid: undefined }, rsa.publicJwk])).toEqual([["rsa-1 RS256"], []]);
  });
});

describe("keys with one id", () => {
  it("are two keys when they are of two types", async () => {
    expect(await summary([ec.publicJwk, { ...rsa.publicJwk, kid: "ec-1" }])).toEqual([
      ["ec-1 ES256", "ec-1 RS256"],
      [],
    ]);
  });

  it("are one key when only one of them is for signatures", async () => {
    const other = await makeKey("ec-1");
    const encryption = { ...rsa.publicJwk, use: "enc", alg: "RSA-OAEP" };
    expect(await summary([rsa.publicJwk, encryption])).toEqual([["rsa-1 RS256"], []]);
    expect(await summary([{ ...other.publicJwk, alg: "ECDH-ES" }, ec.publicJwk])).toEqual([["ec-1 ES256"], []]);
  });

  it("are one key when it is published twice", async () => {
    expect(await summary([ec.publicJwk, { ...ec.publicJwk, use: undefined }])).toEqual([["ec-1 ES256"], []]);
  });

  it("are of no use when both could have signed, and spoil no other id", async () => {
    const [second, third] = await Promise.all([makeKey("ec-1"), makeKey("ec-1")]);
    for (const more of [[second], [second, third], [second, ec]])
      expect(await summary([ec.publicJwk, ...more.map(({ publicJwk }) => publicJwk), rsa.publicJwk])).toEqual([
        ["ec-1 ES256 twice", "rsa-1 RS256"],
        ["duplicate-kid"],
      ]);
  });
});

describe("a large set", () => {
  it("may hold any number of keys that are not used", async () => {
    const foreign = Array.from({ length: 500 }, (_, i) => ({ kty: "EC", crv: "P-521", kid: String(i) }));
    expect(await summary([...foreign, ec.publicJwk])).toEqual([["ec-1 ES256"], []]);
  });

  it("is used up to a hundred keys", async () => {
    const many = Array.from({ length: 100 }, (_, i) => ({ ...ec.publicJwk, kid: String(i) }));
    expect(await summary([...many, rsa.publicJwk])).toEqual([many.map(({ kid }) => `${kid} ES256`), ["too-many"]]);
  });
});
