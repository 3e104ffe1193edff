import fc from "fast-check";
import { Deadlines } from "./deadline.ts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BurstCounter } from "./burst.ts";
import { answerBurst } from "./burst-call.ts";
import type { BurstNamespace, Env } from "./env.ts";
import { Leases, leaseTerms } from "./leases.ts";
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
function fakeObjects(): BurstNamespace & {
  readonly calls: string[];
  /** Names of objects that hang whatever the others do. */
  readonly sick: Set<string>;
  behave: "well" | "throw" | "hang";
} {
  const counters = new Map<string, BurstCounter>();
  const calls: string[] = [];
  const self = {
    calls,
    sick: new Set<string>(),
    behave: "well" as "well" | "throw" | "hang",
    idFromName: (name: string) => ({ name }) as DurableObjectId,
    get: ({ name = "" }: DurableObjectId) => ({
      fetch: async (url: string) => {
        calls.push(name);
        const behave = self.sick.has(name) ? "hang" : self.behave;
        if (behave === "throw") throw new Error("overloaded");
        if (behave === "hang") return new Promise<never>(() => undefined);
        const counter = counters.get(name) ?? new BurstCounter();
        counters.set(name, counter);
        return answerBurst(counter, url, Date.now());
      },
    }),
  };
  return self;
}

function bench(env: Pick<Env, "KV" | "BURST">, burstLease = 1, burstDepth = 5) {
  const fallbacks: string[] = [];
  const { waitUntil, done } = collectWaitUntil();
  const limits = new UserLimits(
    env,
    { burstPerSecond: 5, burstDepth, burstLease },
    (what) => void fallbacks.push(what),
  );
  return {
    fallbacks,
    done,
    take: async (sub = SUB) => limits.burst(sub, Date.now(), waitUntil, new Deadlines()),
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

/** Asks five times each tenth of a second until it is blocked, and five times more. The clock goes on. */
async function flood(take: () => ReturnType<UserLimits["burst"]>): Promise<Awaited<ReturnType<UserLimits["burst"]>>[]> {
  const results = [];
  const isBlocked = (result: Awaited<ReturnType<UserLimits["burst"]>>): boolean =>
    !result.ok && result.error.reason === "user.blocked";
  do {
    vi.setSystemTime(Date.now() + 100);
    results.push(...(await Promise.all(Array.from({ length: 5 }, () => take()))));
  } while (!results.some(isBlocked));
  const first = results.findIndex(isBlocked);
  results.length = first + 1;
  for (let more = 0; more < 5; more++) {
    vi.setSystemTime(Date.now() + 1);
    results.push(await take());
  }
  return results;
}

describe("burst per user", () => {
  it("is exact over any number of isolates that ask at once", async () => {
    const BURST = fakeObjects();
    const isolates = Array.from({ length: 8 }, () => bench({ BURST }));
    const results = await Promise.all(isolates.flatMap(({ take }) => Array.from({ length: 5 }, () => take())));
    expect(reasons(results)).toEqual({ admitted: 10, "user.burst": 30 });
    const starts = results.flatMap((result) => (result.ok ? [result.value.startMs] : [])).toSorted((a, b) => a - b);
    expect(starts).toEqual([0, 0, 0, 0, 0, 200, 400, 600, 800, 1000]);
    expect(BURST.calls).toHaveLength(40);
  });

  it("lets a whole turn of a model start at once where the configuration does not say otherwise", async () => {
    const { waitUntil } = collectWaitUntil();
    const limits = new UserLimits({ BURST: fakeObjects() }, { burstPerSecond: 5 }, () => undefined);
    const results = await Promise.all(
      Array.from({ length: 30 }, () => limits.burst(SUB, START, waitUntil, new Deadlines())),
    );
    expect(results.map((result) => result.ok && result.value.startMs)).toEqual(Array.from({ length: 30 }, () => 0));
  });

  it("never blocks for the calls of one moment, however many there are", async () => {
    const { take } = bench({ BURST: fakeObjects() });
    for (let turn = 0; turn < 49; turn++) {
      expect(reasons(await Promise.all(Array.from({ length: 20 }, () => take())))["user.blocked"]).toBeUndefined();
      vi.setSystemTime(Date.now() + 1000);
    }
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
    const results = await flood(isolate.take);
    await isolate.done();
    expect(reasons(results)["user.blocked"]).toBe(6);
    expect(
      results.filter((result) => !result.ok && result.error.reason === "user.blocked" && result.error.quiet !== true),
    ).toHaveLength(1);
    expect(KV.writes).toEqual([markerKey(SUB)]);
    expect(JSON.parse(KV.entries.get(markerKey(SUB)) ?? "")).toEqual({
      until: Date.now() - 5 + 60_000,
      reason: "burst",
    });
  });

  it("refuses a blocked user in another isolate without waking the object, until the time is over", async () => {
    const KV = new FakeKv();
    const BURST = fakeObjects();
    const flooded = bench({ KV, BURST });
    await flood(flooded.take);
    const until = Date.now() - 5 + 60_000;
    await flooded.done();
    const other = bench({ KV, BURST });
    vi.setSystemTime(until - 50_000);
    const before = BURST.calls.length;
    expect(await other.blocked()).toMatchObject({
      ok: false,
      error: { reason: "user.blocked", retryAfterSeconds: 50 },
    });
    expect(BURST.calls.length).toBe(before);
    vi.setSystemTime(until);
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
      expect(reasons(await results)).toEqual({ admitted: 10, "user.burst": 10 });
      expect(new Set(fallbacks)).toEqual(new Set(["burst_fallback"]));
    },
  );

  it("counts a user whose object hangs by itself, and nobody else: a flood of one object is no reason", async () => {
    const BURST = fakeObjects();
    const { take, done, fallbacks } = bench({ BURST });
    const others = Array.from({ length: 20 }, (_, i) => `${SUB.slice(0, -2)}${10 + i}`);
    BURST.sick.add(SUB);
    const flooding = Promise.all(Array.from({ length: 100 }, () => take()));
    await vi.advanceTimersByTimeAsync(1000);
    expect(reasons(await flooding)["admitted"]).toBe(10);
    await done();
    fallbacks.length = BURST.calls.length = 0;
    await Promise.all(others.map((sub) => take(sub)));
    expect([BURST.calls.toSorted(), fallbacks]).toEqual([others, []]);
    // Not asked again for ten seconds.
    await take();
    expect(BURST.calls).toHaveLength(20);
  });

  it.each(["throw", "hang"] as const)(
    "asks none once the gateway's own question fails (%s), and all again once it is answered",
    async (behave) => {
      const BURST = fakeObjects();
      const { take, done } = bench({ BURST });
      const users = Array.from({ length: 40 }, (_, i) => `${SUB.slice(0, -2)}${10 + i}`);
      BURST.behave = behave;
      const first = take(users[0]);
      await vi.advanceTimersByTimeAsync(2000);
      await first;
      await done();
      expect(BURST.calls).toEqual([users[0], "probe"]);
      vi.setSystemTime(START + 1999);
      // Nobody waits any more, and everybody's limit holds.
      expect(reasons(await Promise.all(Array.from({ length: 20 }, () => take(users[20]))))).toEqual({
        admitted: 10,
        "user.burst": 10,
      });
      expect(BURST.calls).toHaveLength(2);
      BURST.behave = "well";
      await vi.advanceTimersByTimeAsync(1);
      await take(users[21]);
      await done();
      expect(BURST.calls).toEqual([users[0], "probe", "probe"]);
      await Promise.all(users.slice(30).map((sub) => take(sub)));
      expect(BURST.calls).toHaveLength(3 + 10);
    },
  );

  it("remembers a block to its end, although KV has not heard of it yet", async () => {
    const KV = new FakeKv();
    const BURST = fakeObjects();
    const { take, blocked, done } = bench({ KV, BURST });
    for (const ms of [60_000, 300_000]) {
      while ((await blocked()).ok) {
        await take();
        vi.setSystemTime(Date.now() + 20);
      }
      vi.setSystemTime(Date.now() - 20);
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
    await flood(take);
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
        const { mark, retryAfterMs } = counter.take((now += 20), 5);
        if (mark === true) return retryAfterMs;
      }
    };
    for (const ms of [60_000, 300_000, 900_000, 900_000]) {
      expect(flood()).toBe(ms);
      expect(counter.take(now + ms - 1, 5).admitted).toBe(false);
      now += ms;
    }
    now += 590_000;
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
    for (let i = 0; i < 200; i++) counter.take(START + i * 20, 5);
    const later = START + 64_000;
    const verdicts = Array.from({ length: 200 }, (_, i) => counter.take(later + i * 20, 5));
    expect(verdicts.some(({ mark }) => mark)).toBe(false);
  });
});

describe("leases", () => {
  const RATE = 5;
  it("are taken within the limit, spent before the object is asked again, and void after their life", async () => {
    const BURST = fakeObjects();
    const { take } = bench({ BURST }, 2);
    await take();
    await take();
    expect(BURST.calls).toHaveLength(1);
    await take();
    vi.setSystemTime(START + 400);
    await take();
    expect(BURST.calls).toHaveLength(3);
  });

  it("admit everybody who fits when five ask at the same moment", async () => {
    const { take } = bench({ BURST: fakeObjects() }, 2);
    const results = await Promise.all(Array.from({ length: 8 }, () => take()));
    expect(reasons(results)).toEqual({ admitted: 8 });
    expect(results.map((result) => result.ok && result.value.startMs > 0).filter(Boolean)).toHaveLength(5);
  });

  it.each([
    ["of a second, for which the rate is set aside", 5, 30, { depth: 25, lifeMs: 1000 }],
    ["of less, where half of the depth is less than a second of the rate", 5, 5, { depth: 3, lifeMs: 400 }],
    ["of nothing, where there is nothing to set aside", 5, 1, { depth: 1, lifeMs: 0 }],
    ["of a second, at a high rate", 1000, 10_000, { depth: 9000, lifeMs: 1000 }],
  ])("have a life %s", (_what, rate, depth, terms) => expect(leaseTerms(rate, depth, 10)).toEqual(terms));

  it("set nothing aside where none are taken", () => expect(leaseTerms(5, 30, 1)).toEqual({ depth: 30, lifeMs: 0 }));

  it("start at most depth + rate x W in every window of W seconds, over any number of isolates", async () => {
    const schedule = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 400 })), {
      minLength: 20,
      maxLength: 150,
    });
    await fc.assert(
      fc.asyncProperty(
        schedule,
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 12 }),
        async (steps, lease, depth) => {
          vi.setSystemTime(START);
          const BURST = fakeObjects();
          const isolates = Array.from({ length: 4 }, () => bench({ BURST }, lease, depth));
          const admitted: number[] = [];
          for (const [who, gap] of steps) {
            vi.setSystemTime(Date.now() + (gap > 300 ? gap : gap % 12));
            const result = await isolates[who]?.take();
            if (result?.ok) admitted.push(Date.now() + result.value.startMs);
          }
          admitted.sort((a, b) => a - b);
          for (let from = 0; from < admitted.length; from++)
            for (let to = from; to < admitted.length; to++) {
              const seconds = ((admitted[to] ?? 0) - (admitted[from] ?? 0)) / 1000;
              expect(to - from + 1).toBeLessThanOrEqual(depth + RATE * (seconds + 0.001) + 1e-6);
            }
        },
      ),
      { numRuns: 100 },
    );
  });

  it("do not come on top of the depth where several isolates hold them until the end of their life", async () => {
    const BURST = fakeObjects();
    const isolates = Array.from({ length: 3 }, () => bench({ BURST }, 10, 30));
    for (const { take } of isolates) await take();
    vi.setSystemTime(START + 999);
    let started = 0;
    for (const { take } of isolates)
      for (let i = 0; i < 15; i++) {
        const result = await take();
        if (result.ok && result.value.startMs === 0) started++;
      }
    // 22 were held, and 4 of the rate have come back. Without what is set aside, 27 and 4 would start at one moment.
    expect(started).toBe(26);
  });

  it("are void after their life, and joined ones after that of the oldest", () => {
    const leases = new Leases(10, 1000);
    leases.add(SUB, 3, START);
    leases.add(SUB, 3, START + 500);
    expect(leases.spend(SUB, START + 999)).toBe(5);
    expect(leases.spend(SUB, START + 1000)).toBeNull();
    // Gone, and not only late: a clock that steps back brings nothing back.
    expect(leases.spend(SUB, START + 999)).toBeNull();
  });

  it("never hold more than k requests per user, whatever comes in", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        (grants, k) => {
          const leases = new Leases(k, 1000);
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
