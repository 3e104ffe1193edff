import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { testRuntime } from "../test/clock.ts";
import {
  fails,
  hangs,
  HOUR,
  isolate,
  ISSUER_URL,
  keys,
  MINUTE,
  publishes,
  SECOND,
  type Issuer,
} from "../test/key-isolate.ts";
import { KeyResolver } from "./resolver.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** `work` while the fake timers run. */
async function over<T>(ms: number, work: Promise<T>): Promise<T> {
  await vi.advanceTimersByTimeAsync(ms);
  return work;
}

describe("bounds on fetches", () => {
  it("serves a cold herd of 100 requests with one fetch", async () => {
    const { ask, runtime } = isolate(publishes("one"));
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask("one")));
    expect(new Set(answers)).toEqual(new Set(["one"]));
    expect(runtime.fetched).toHaveLength(1);
  });

  it("spends at most three fetches per 30 s on a flood of unknown key ids", async () => {
    const { ask, runtime } = isolate(publishes("one"));
    const begun: number[] = [];
    const said = new Set<string>();
    for (let ms = 0; ms < 5 * MINUTE; ms += 100) {
      runtime.at(ms);
      const before = runtime.fetched.length;
      said.add(await ask(`unknown-${ms}`));
      begun.push(...Array.from({ length: runtime.fetched.length - before }, () => ms));
    }
    for (const from of begun)
      expect(begun.filter((ms) => ms >= from && ms < from + 30 * SECOND).length).toBeLessThan(4);
    expect(begun.length).toBeLessThanOrEqual(30);
    expect(said).toEqual(new Set(["auth.kid", "auth.pending"]));
    expect(await ask("one")).toBe("one");
  });

  it("spends at most one fetch per 30 s while the issuer fails, and serves the keys it has", async () => {
    const self = isolate(publishes("one"));
    await self.ask("one");
    self.issuer = fails;
    for (let ms = 2 * HOUR; ms < 2 * HOUR + 5 * MINUTE; ms += 500) {
      self.runtime.at(ms);
      expect(await self.ask("one")).toBe("one");
    }
    expect(self.runtime.fetched.length).toBeLessThanOrEqual(1 + 10);
    expect(self.reports).toContain("stale");
    expect(self.reports).toContain("status");
  });

  it("tries again after 1, 2, 4, 8, 16 and then every 30 s as long as there are no keys at all", async () => {
    const self = isolate(fails);
    const attempts: number[] = [];
    for (let ms = 0; ms <= 2 * MINUTE; ms += 250) {
      self.runtime.at(ms);
      const before = self.runtime.fetched.length;
      expect(await self.ask("one")).toBe("auth.jwks");
      if (self.runtime.fetched.length > before) attempts.push(ms / SECOND);
    }
    expect(attempts).toEqual([0, 1, 3, 7, 15, 31, 61, 91]);
  });

  it("does not wait for the issuer while the keys are fresh, nor for long while they are stale", async () => {
    const self = isolate(publishes("one", "two"));
    await self.ask("one");
    self.issuer = hangs;
    self.runtime.at(9 * MINUTE);
    expect(await self.ask("two")).toBe("two");
    self.runtime.at(30 * MINUTE);
    expect(await self.ask("two")).toBe("two");
    expect(self.runtime.fetched).toHaveLength(2);
    self.runtime.at(2 * HOUR);
    expect(await over(1500, self.ask("two"))).toBe("two");
  });

  it("answers 503 and not 401 to a herd that waits for a hanging issuer, with one fetch", async () => {
    const self = isolate(hangs);
    const answers = await over(1500, Promise.all(Array.from({ length: 50 }, () => self.ask("one"))));
    expect(new Set(answers)).toEqual(new Set(["auth.jwks"]));
    expect(self.runtime.fetched).toHaveLength(1);
  });

  it("starts over when the request that owned a fetch died with it", async () => {
    const self = isolate(hangs);
    await over(1500, self.ask("one"));
    self.issuer = publishes("one");
    self.runtime.at(4 * SECOND);
    expect(await over(1500, self.ask("one"))).toBe("auth.jwks");
    self.runtime.at(6 * SECOND);
    expect(await self.ask("one")).toBe("one");
    expect(self.runtime.fetched).toHaveLength(2);
  });
});

describe("age of the keys", () => {
  it("refreshes behind the request after ten minutes", async () => {
    const self = isolate(publishes("one"));
    await self.ask("one");
    self.issuer = publishes("two");
    self.runtime.at(10 * MINUTE);
    expect(self.current("one")).toBe("one");
    await self.settle();
    expect(self.current("one")).toBeNull();
    expect(self.current("two")).toBe("two");
  });

  it("asks the issuer first after an hour", async () => {
    const self = isolate(publishes("one"));
    await self.ask("one");
    self.issuer = publishes("two");
    self.runtime.at(HOUR);
    expect(self.current("one")).toBeNull();
    expect(await self.ask("one")).toBe("auth.kid");
  });

  it("accepts nothing after 24 hours without the issuer", async () => {
    const self = isolate(publishes("one"));
    await self.ask("one");
    self.issuer = fails;
    self.runtime.at(24 * HOUR - 1);
    expect(await self.ask("one")).toBe("one");
    self.runtime.at(24 * HOUR);
    expect(await self.ask("one")).toBe("auth.jwks");
    expect(self.reports).toContain("expired");
  });

  it("keeps to one attempt per 30 s after 24 hours of failures too", async () => {
    const self = isolate(publishes("one"));
    await self.ask("one");
    self.issuer = fails;
    for (let attempt = 0; attempt < 10; attempt++) {
      self.runtime.at(23 * HOUR + attempt * 31 * SECOND);
      await self.ask("one");
    }
    const before = self.runtime.fetched.length;
    for (let ms = 25 * HOUR; ms < 25 * HOUR + MINUTE; ms += SECOND) {
      self.runtime.at(ms);
      expect(await self.ask("one")).toBe("auth.jwks");
    }
    expect(self.runtime.fetched.length - before).toBeLessThanOrEqual(2);
  });
});

describe("unknown key ids", () => {
  it("finds a key that the issuer published a moment after the last fetch", async () => {
    const self = isolate(publishes("one"));
    await self.ask("one");
    self.issuer = publishes("one", "two");
    expect(await self.ask("two")).toBe("two");
    expect(self.runtime.fetched).toHaveLength(2);
  });

  it("refuses no good token while keys are rotated three times in half a minute, and one more time with 503", async () => {
    const self = isolate(publishes("one"));
    await self.ask("one");
    const rotated: string[] = [];
    for (const [second, kid] of ["b", "c", "d"].entries()) {
      self.runtime.at((second + 1) * 7 * SECOND);
      self.issuer = () => Response.json({ keys: [{ ...keys.two.publicJwk, kid }] });
      rotated.push(await self.ask(kid), await self.ask(kid));
    }
    // The first fetch of all was one of the three.
    expect(rotated).toEqual(["b", "b", "c", "c", "auth.pending", "auth.pending"]);
    expect(await self.refusal("d")).toEqual({ reason: "auth.pending", retryAfterSeconds: 9 });
    self.runtime.at(30 * SECOND);
    expect(await self.ask("d")).toBe("d");
  });

  it("does not take the word of a fetch that began before the token came", async () => {
    const self = isolate(publishes("one"));
    await self.ask("one");
    const { promise: late, resolve } = Promise.withResolvers<Response>();
    self.issuer = () => late;
    const early = self.ask("nobody");
    await vi.advanceTimersByTimeAsync(0);
    const coming = self.ask("two");
    await vi.advanceTimersByTimeAsync(0);
    self.issuer = publishes("one", "two");
    resolve(Response.json({ keys: [keys.one.publicJwk] }));
    expect(await early).toBe("auth.kid");
    expect(await coming).toBe("two");
    expect(self.runtime.fetched).toHaveLength(3);
  });

  it("remembers for half a minute that a key does not exist", async () => {
    const self = isolate(publishes("one"));
    await self.ask("one");
    expect(await self.ask("two")).toBe("auth.kid");
    self.issuer = publishes("one", "two");
    self.runtime.at(29 * SECOND);
    expect(await self.ask("two")).toBe("auth.kid");
    self.runtime.at(30 * SECOND);
    expect(await self.ask("two")).toBe("two");
    expect(self.runtime.fetched).toHaveLength(3);
  });

  it("answers 503 when it cannot ask: a 401 would make the client throw a good token away", async () => {
    const self = isolate(publishes("one"));
    await self.ask("one");
    self.issuer = fails;
    self.runtime.at(5 * MINUTE);
    for (let ms = 5 * MINUTE; ms < 5 * MINUTE + 30 * SECOND; ms += SECOND) {
      self.runtime.at(ms);
      expect(await self.ask("two")).toBe("auth.pending");
    }
    expect(self.runtime.fetched).toHaveLength(1 + 3);
    expect(await self.ask("one")).toBe("one");
  });

  it("tells a key of a kind that is not used from one that does not exist, without a fetch", async () => {
    const self = isolate(() => Response.json({ keys: [{ ...keys.one.publicJwk, use: "enc" }] }));
    expect(await self.ask("one")).toBe("auth.key");
    self.runtime.at(MINUTE);
    expect(await self.ask("one")).toBe("auth.key");
    expect(self.runtime.fetched).toHaveLength(1);
  });
});

describe("answers of the issuer that are not taken", () => {
  it.each<[string, Issuer]>([
    ["status", () => new Response("{}", { status: 404 })],
    ["status", () => new Response(null, { status: 302, headers: { location: "https://evil.test/jwks" } })],
    ["json", () => new Response("<html>")],
    ["json", () => Response.json([])],
    ["size", () => new Response(JSON.stringify({ keys: [], padding: "x".repeat(262_144) }))],
    ["shape", () => Response.json({})],
    ["duplicate-kid", () => Response.json({ keys: [keys.one.publicJwk, { ...keys.two.publicJwk, kid: "one" }] })],
    ["network", () => Promise.reject(new TypeError("fetch failed"))],
    ["timeout", () => Promise.reject(new DOMException("late", "TimeoutError"))],
  ])("%s", async (reason, issuer) => {
    const self = isolate(issuer);
    expect(await self.ask("one")).toBe("auth.jwks");
    expect(self.reports).toEqual([reason]);
    expect(self.runtime.fetched).toEqual([ISSUER_URL]);
  });

  it("uses what is left of a set with a secret in it, and says so", async () => {
    const self = isolate(() => Response.json({ keys: [{ kty: "oct", kid: "s", k: "c2VjcmV0" }, keys.one.publicJwk] }));
    expect([await self.ask("one"), await self.ask("s")]).toEqual(["one", "auth.key"]);
    expect(self.reports).toEqual(["symmetric"]);
  });

  it("asks without following redirects and with an end", async () => {
    const inits: RequestInit[] = [];
    const runtime = testRuntime((_url, init) => {
      inits.push(init);
      return Response.json({ keys: [keys.one.publicJwk] });
    });
    const resolver = new KeyResolver({ url: ISSUER_URL, runtime, kv: undefined, report: () => undefined });
    await resolver.resolve("one", "ES256", () => undefined);
    expect(inits).toMatchObject([{ redirect: "manual" }]);
    expect(inits[0]?.signal).toBeInstanceOf(AbortSignal);
  });
});
