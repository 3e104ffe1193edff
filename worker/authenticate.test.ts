import { beforeAll, describe, expect, it } from "vitest";
import { Authenticator } from "./authenticate.ts";
import { KeyResolver } from "./jwks/resolver.ts";
import { bearer } from "./policy/bearer.ts";
import { collectWaitUntil, START, testRuntime, type TestRuntime } from "./test/clock.ts";
import { configOf } from "./test/config.ts";
import { encode, FORGERIES, type Forge } from "./test/forgeries.ts";
import { claimsAt, makeKey, signToken, SUBJECT } from "./test/tokens.ts";

const NOW = START / 1000;
const URL_OF_KEYS = "https://issuer.test/jwks";
let forge: Forge;
let served: unknown[];

beforeAll(async () => {
  const [issuer, rsa, stranger] = await Promise.all([makeKey("key-1"), makeKey("rsa-1", "RS256"), makeKey("stranger")]);
  forge = { now: NOW, issuer, rsa, stranger, honest: await signToken(issuer, claimsAt(NOW)) };
});

interface Bench {
  readonly runtime: TestRuntime;
  readonly check: (token: string) => Promise<{ ok: boolean; reason: string; injectsKey: boolean; sub: string | null }>;
}

function bench(): Bench {
  served = [forge.issuer.publicJwk, forge.rsa.publicJwk];
  const runtime = testRuntime(() => Response.json({ keys: served }));
  const keys = new KeyResolver({ url: URL_OF_KEYS, runtime, kv: undefined, report: () => undefined });
  const authenticator = new Authenticator(configOf([{ name: "koyeb", url: "https://koyeb.test" }], URL_OF_KEYS), keys);
  return {
    runtime,
    async check(text) {
      const { waitUntil, done } = collectWaitUntil();
      const token = bearer(`Bearer ${text}`);
      const result = token.ok ? await authenticator.authenticate(token.value, runtime.now(), waitUntil) : token;
      await done();
      if (result.ok) return { ok: true, reason: "accepted", injectsKey: false, sub: result.value.sub };
      const { reason, injectsKey = false } = result.error as { reason: string; injectsKey?: boolean };
      return { ok: false, reason, injectsKey, sub: null };
    },
  };
}

describe("authentication", () => {
  it("accepts an honest token and says whose it is", async () => {
    expect(await bench().check(forge.honest)).toMatchObject({ ok: true, sub: SUBJECT });
    expect(await bench().check(await signToken(forge.rsa, claimsAt(NOW)))).toMatchObject({ ok: true, sub: SUBJECT });
  });

  it("has more than forty forgeries to refuse", () => {
    expect(FORGERIES.length).toBeGreaterThan(60);
    expect(new Set(FORGERIES.map(({ name }) => name)).size).toBe(FORGERIES.length);
  });

  it.each(FORGERIES)("refuses $name", async ({ reason, asksForKey = false, make }) => {
    const { check, runtime } = bench();
    expect(await check(await make(forge))).toMatchObject({ ok: false, reason });
    // A token that cannot pass must not cause a key to be fetched.
    expect(runtime.fetched).toEqual(asksForKey ? [URL_OF_KEYS] : []);
  });

  it("refuses every forgery in an isolate that has already accepted the honest token", async () => {
    const { check } = bench();
    expect(await check(forge.honest)).toMatchObject({ ok: true });
    for (const { name, reason, make } of FORGERIES) {
      const said = await check(await make(forge));
      // After three fetches the issuer is not asked about the next made-up key id.
      expect([name, said.ok, said.reason === "auth.pending" ? "auth.kid" : said.reason]).toEqual([name, false, reason]);
    }
  });

  it("reports a token that brings its own key, even when the signature is honest", async () => {
    const { check } = bench();
    const stranger = await signToken(forge.stranger, claimsAt(NOW), { kid: "key-1", jwk: forge.stranger.publicJwk });
    expect(await check(stranger)).toMatchObject({ ok: false, injectsKey: true });
  });

  it.each(["jwk", "jku", "x5u", "x5c"])("reports %s whatever else is wrong with the token", async (member) => {
    const { check } = bench();
    const [header = "", payload = "", signature = ""] = forge.honest.split(".");
    const known = JSON.parse(atob(header)) as Record<string, unknown>;
    const withKey = (change: Record<string, unknown>): string =>
      encode({ ...known, [member]: "https://evil.test/keys", ...change });
    for (const token of [
      `${withKey({ alg: "none" })}.${payload}.AAAA`,
      `${withKey({ alg: "HS256" })}.${payload}.${signature}`,
      `${withKey({ typ: "JWE" })}.${payload}.${signature}`,
      `${withKey({ crit: ["b64"] })}.${payload}.${signature}`,
      `${withKey({ kid: 5 })}.${payload}.${signature}`,
      `${withKey({})}.${payload}.${signature.slice(4)}`,
      `${withKey({})}.${encode("[]")}.${signature}`,
      `${withKey({})}.${encode({ iss: "https://evil.test" })}.${signature}`,
      `${withKey({})}.A.${signature}`,
    ])
      expect(await check(token)).toMatchObject({ ok: false, injectsKey: true });
  });
});

describe("verified tokens", () => {
  it("are verified once and remembered until they expire", async () => {
    const { check, runtime } = bench();
    await check(forge.honest);
    runtime.at(3600_000 + 29_000);
    expect(await check(forge.honest)).toMatchObject({ ok: true });
    runtime.at(3600_000 + 30_000);
    expect(await check(forge.honest)).toMatchObject({ ok: false, reason: "auth.exp" });
  });

  it("are forgotten when the issuer withdraws their key", async () => {
    const { check, runtime } = bench();
    expect(await check(forge.honest)).toMatchObject({ ok: true });
    served = [forge.rsa.publicJwk];
    runtime.at(10 * 60_000);
    await check(forge.honest); // starts the refresh behind the request
    expect(await check(forge.honest)).toMatchObject({ ok: false, reason: "auth.kid" });
  });

  it("are verified again when another key comes under the same id", async () => {
    const { check, runtime } = bench();
    expect(await check(forge.honest)).toMatchObject({ ok: true });
    served = [{ ...forge.stranger.publicJwk, kid: "key-1" }];
    runtime.at(10 * 60_000);
    await check(forge.honest);
    expect(await check(forge.honest)).toMatchObject({ ok: false, reason: "auth.sig" });
  });
});
