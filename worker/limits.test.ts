import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BurstCounter } from "./burst.ts";
import type { BurstNamespace, Env } from "./env.ts";
import { Leases } from "./leases.ts";
import { holds, markerKey, UserLimits } from "./limits.ts";
import { collectWaitUntil, FakeKv, START } from "./test/clock.ts";

const SUB = "11111111-2222-4333-8444-555555555555";
beforeEach(() => {
  vi.useFakeTimers({ now: START });
});
afterEach(() => {
  vi.useRealTimers();
});

/** One count per name, shared by everybody, as the platform promises for its objects. */
function fakeObjects(): BurstNamespace & { readonly calls: string[]; behave: "well" | "throw" | "hang" } {
  const counters = new Map<string, BurstCounter>();
  const calls: string[] = [];
  const self = {
    calls,
    behave: "well" as "well" | "throw" | "hang",
    idFromName: (name: string) => ({ name }) as DurableObjectId,
    get: ({ name = "" }: DurableObjectId) => ({
      take: async (rate: number, lease: number) => {
        calls.push(name);
        if (self.behave === "throw") throw new Error("overloaded");
        if (self.behave === "hang") return new Promise<never>(() => undefined);
        const counter = counters.get(name) ?? new BurstCounter();
        counters.set(name, counter);
        return counter.take(Date.now(), rate, lease);
      },
    }),
  };
  return self;
}

function bench(env: Pick<Env, "KV" | "BURST">, burstLease = 1) {
  const fallbacks: string[] = [];
  const { waitUntil, done } = collectWaitUntil();
  const limits = new UserLimits(env, { burstPerSecond: 5, burstLease }, (what) => void fallbacks.push(what));
  return {
    fallbacks,
    done,
    take: async (sub = SUB) => limits.burst(sub, Date.now(), waitUntil),
    blocked: async (sub = SUB) => limits.blocked(sub, Date.now()),
  };
}
const reasons = (
  results: readonly { readonly ok: boolean; readonly error?: { readonly reason: string } }[],
): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const result of results) {
    const key = result.ok ? "admitted" : (result.error?.reason ?? "");
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
};

describe("burst per user", () => {
  it("is exact over any number of isolates that ask at once", async () => {
    const BURST = fakeObjects();
    const isolates = Array.from({ length: 8 }, () => bench({ BURST }));
    const results = await Promise.all(isolates.flatMap(({ take }) => Array.from({ length: 5 }, () => take())));
    expect(reasons(results)).toEqual({ admitted: 5, "user.burst": 35 });
  });

  it("counts every user alone", async () => {
    const { take } = bench({ BURST: fakeObjects() });
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => take(`user-${i % 4}`)));
    expect(reasons(results)).toEqual({ admitted: 20 });
  });

  it("blocks after fifty refusals within a minute, tells KV once and the log once per isolate", async () => {
    const KV = new FakeKv();
    const BURST = fakeObjects();
    const isolate = bench({ KV, BURST });
    const results = await Promise.all(Array.from({ length: 60 }, () => isolate.take()));
    await isolate.done();
    expect(reasons(results)).toEqual({ admitted: 5, "user.burst": 49, "user.blocked": 6 });
    expect(
      results.filter((result) => !result.ok && result.error.reason === "user.blocked" && result.error.quiet !== true),
    ).toHaveLength(1);
    expect(KV.writes).toEqual([markerKey(SUB)]);
    expect(JSON.parse(KV.entries.get(markerKey(SUB)) ?? "")).toEqual({ until: START + 60_000, reason: "burst" });
  });

  it("refuses a blocked user in another isolate without waking the object, until the time is over", async () => {
    const KV = new FakeKv();
    const BURST = fakeObjects();
    const flooded = bench({ KV, BURST });
    await Promise.all(Array.from({ length: 60 }, () => flooded.take()));
    await flooded.done();
    const other = bench({ KV, BURST });
    vi.setSystemTime(START + 10_000);
    const before = BURST.calls.length;
    expect(await other.blocked()).toMatchObject({
      ok: false,
      error: { reason: "user.blocked", retryAfterSeconds: 50 },
    });
    expect(BURST.calls.length).toBe(before);
    vi.setSystemTime(START + 60_000);
    expect((await other.blocked()).ok).toBe(true);
    expect((await other.take()).ok).toBe(true);
  });

  it("reads a user's marker at most once a minute", async () => {
    const KV = new FakeKv();
    const { blocked } = bench({ KV });
    for (let ms = 0; ms < 60_000; ms += 1000) {
      vi.setSystemTime(START + ms);
      await blocked();
    }
    expect(KV.reads).toHaveLength(1);
  });

  it.each(["", "{", "null", '{"until":"tomorrow"}'])("takes an odd marker for none: %j", async (text) => {
    const KV = new FakeKv();
    KV.entries.set(markerKey(SUB), text);
    expect((await bench({ KV }).blocked()).ok).toBe(true);
  });

  it.each(["throw", "hang"] as const)(
    "falls back to its own count when the object fails (%s), with the same limit",
    async (behave) => {
      const BURST = fakeObjects();
      BURST.behave = behave;
      const { take, fallbacks } = bench({ BURST });
      const results = Promise.all(Array.from({ length: 20 }, () => take()));
      await vi.advanceTimersByTimeAsync(1000);
      expect(reasons(await results)).toEqual({ admitted: 5, "user.burst": 15 });
      expect(new Set(fallbacks)).toEqual(new Set(["burst_fallback"]));
    },
  );

  it.each(["throw", "hang"] as const)(
    "asks no object for ten seconds after five have failed (%s), then one, and all once it answers",
    async (behave) => {
      const BURST = fakeObjects();
      const { take } = bench({ BURST });
      const users = Array.from({ length: 40 }, (_, i) => `${SUB.slice(0, -2)}${10 + i}`);
      BURST.behave = behave;
      const first = Promise.all(users.slice(0, 5).map((sub) => take(sub)));
      await vi.advanceTimersByTimeAsync(1000);
      await first;
      expect(BURST.calls).toHaveLength(5);
      // Nobody waits any more, and everybody's limit holds.
      expect(reasons(await Promise.all(Array.from({ length: 20 }, () => take(users[20]))))).toEqual({
        admitted: 5,
        "user.burst": 15,
      });
      expect(BURST.calls).toHaveLength(5);
      await vi.advanceTimersByTimeAsync(9_000);
      const probe = Promise.all(users.slice(21, 31).map((sub) => take(sub)));
      await vi.advanceTimersByTimeAsync(1000);
      expect(reasons(await probe)).toEqual({ admitted: 10 });
      expect(BURST.calls).toHaveLength(6);
      await vi.advanceTimersByTimeAsync(10_000);
      BURST.behave = "well";
      await take(users[31]);
      await Promise.all(users.slice(32).map((sub) => take(sub)));
      expect(BURST.calls).toHaveLength(7 + 8);
    },
  );

  it("remembers a block to its end, although KV has not heard of it yet", async () => {
    const KV = new FakeKv();
    const BURST = fakeObjects();
    const { take, blocked, done } = bench({ KV, BURST });
    for (const ms of [60_000, 300_000]) {
      while ((await blocked()).ok) await take();
      await done();
      // The next location reads an old answer: nothing.
      KV.entries.clear();
      const asked = BURST.calls.length;
      await vi.advanceTimersByTimeAsync(ms - 1_000);
      expect((await blocked()).ok).toBe(false);
      expect(BURST.calls).toHaveLength(asked);
      await vi.advanceTimersByTimeAsync(1_000);
      expect((await blocked()).ok).toBe(true);
    }
  });

  it("works without KV and says so when KV is down", async () => {
    const KV = new FakeKv();
    KV.broken = true;
    const { take, blocked, fallbacks, done } = bench({ KV, BURST: fakeObjects() });
    expect((await blocked()).ok).toBe(true);
    await Promise.all(Array.from({ length: 60 }, () => take()));
    await done();
    expect(fallbacks).toEqual(["marker_fail_open", "marker_fail_open"]);
  });
});

describe("burst object", () => {
  it("blocks for longer each time somebody goes on as before, and forgets it after ten quiet minutes", () => {
    const counter = new BurstCounter();
    let now = START;
    const flood = (): number => {
      for (;;) {
        const { mark, retryAfterMs } = counter.take(++now, 5);
        if (mark === true) return retryAfterMs;
      }
    };
    for (const ms of [60_000, 300_000, 900_000, 900_000]) {
      expect(flood()).toBe(ms);
      expect(counter.take(now + ms - 1, 5).admitted).toBe(false);
      now += ms;
    }
    now += 599_000;
    expect(flood()).toBe(900_000);
    now += 900_000 + 600_000;
    expect(flood()).toBe(60_000);
  });

  it("keeps to the bound in every window, blocks included, for any arrivals", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 250 }), { maxLength: 400 }), (gaps) => {
        const counter = new BurstCounter();
        let now = START;
        const admitted: number[] = [];
        for (const gap of gaps) {
          now += gap > 200 ? gap : gap % 8;
          if (counter.take(now, 5).admitted) admitted.push(now);
        }
        for (let i = 5; i < admitted.length; i++) {
          const seconds = ((admitted[i] ?? 0) - (admitted[i - 5] ?? 0)) / 1000;
          expect(6).toBeLessThanOrEqual(5 + 5 * seconds + 1e-6);
        }
      }),
    );
  });

  it("forgets refusals that are more than a minute old", () => {
    const counter = new BurstCounter();
    for (let i = 0; i < 40; i++) counter.take(START, 5);
    const later = START + 60_000;
    const verdicts = Array.from({ length: 50 }, () => counter.take(later, 5));
    expect(verdicts.some(({ mark }) => mark)).toBe(false);
  });
});

describe("leases", () => {
  const RATE = 5;
  it("are taken within the limit, spent before the object is asked again, and void after a second", async () => {
    const BURST = fakeObjects();
    const { take } = bench({ BURST }, 2);
    await take();
    await take();
    expect(BURST.calls).toHaveLength(1);
    await take();
    vi.setSystemTime(START + 1000);
    await take();
    expect(BURST.calls).toHaveLength(3);
  });

  it("admit everybody who fits when five ask at the same moment", async () => {
    const { take } = bench({ BURST: fakeObjects() }, 2);
    const results = await Promise.all(Array.from({ length: 8 }, () => take()));
    expect(reasons(results)).toEqual({ admitted: 5, "user.burst": 3 });
  });

  it("admit at most rate + rate x W + k x isolates in every window of W seconds", async () => {
    const schedule = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 400 })), {
      minLength: 20,
      maxLength: 150,
    });
    await fc.assert(
      fc.asyncProperty(schedule, fc.integer({ min: 1, max: 4 }), async (steps, lease) => {
        vi.setSystemTime(START);
        const BURST = fakeObjects();
        const isolates = Array.from({ length: 4 }, () => bench({ BURST }, lease));
        const admitted: number[] = [];
        for (const [who, gap] of steps) {
          vi.setSystemTime(Date.now() + (gap > 300 ? gap : gap % 12));
          const result = await isolates[who]?.take();
          if (result?.ok) admitted.push(Date.now());
        }
        const slack = lease === 1 ? 0 : lease * isolates.length;
        for (let from = 0; from < admitted.length; from++)
          for (let to = from; to < admitted.length; to++) {
            const seconds = ((admitted[to] ?? 0) - (admitted[from] ?? 0)) / 1000;
            expect(to - from + 1).toBeLessThanOrEqual(RATE + RATE * seconds + slack + 1e-6);
          }
      }),
      { numRuns: 60 },
    );
  });

  it("never hold more than k requests per user, whatever comes in", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        (grants, k) => {
          const leases = new Leases(k);
          for (const grant of grants) leases.add(SUB, grant, START);
          let spent = 0;
          while (leases.spend(SUB, START) !== null) spent++;
          expect(spent).toBeLessThanOrEqual(k);
        },
      ),
    );
  });
});

describe("counts per address", () => {
  it("pass on what the binding says", async () => {
    const failed = vi.fn<() => void>();
    expect(await holds({ limit: async () => ({ success: false }) }, "a", failed)).toBe(false);
    expect(await holds({ limit: async () => ({ success: true }) }, "a", failed)).toBe(true);
    expect(failed).not.toHaveBeenCalled();
  });

  it("let through when there is no binding or it fails, and say so", async () => {
    const failed = vi.fn<() => void>();
    expect(await holds(undefined, "a", failed)).toBe(true);
    expect(await holds({ limit: () => Promise.reject(new Error("down")) }, "a", failed)).toBe(true);
    expect(failed).toHaveBeenCalledTimes(2);
  });
});
