import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rateLimitHeaders } from "./headers.ts";
import { createSlidingLog, MAX_PER_MINUTE } from "./sliding-log.ts";

/** The most calls of `times` in any window of 60 s. */
function busiest(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  let most = 0;
  let first = 0;
  sorted.forEach((time, last) => {
    while (time - (sorted[first] ?? time) >= 60_000) first++;
    most = Math.max(most, last - first + 1);
  });
  return most;
}

const limits = fc.constantFrom(1, 2, 30, 60, 120);
/** Steps of a schedule: mostly dense, sometimes long pauses, not whole milliseconds. */
const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.double({ min: 0, max: 900, noNaN: true }) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 130_000, noNaN: true }) },
  ),
  // Whole schedules: a short one hardly ever fills a minute.
  { maxLength: 600, size: "max" },
);

describe("calls per minute", () => {
  it("are never more than the limit in any 60 seconds with one origin", () => {
    fc.assert(
      fc.property(limits, steps, (limit, schedule) => {
        let now = 0;
        const log = createSlidingLog(() => now);
        const admitted: number[] = [];
        for (const step of schedule) {
          now += step;
          if (log.admit("u", limit).admitted) admitted.push(now);
          if (step > 60_000) log.sweep();
        }
        expect(busiest(admitted)).toBeLessThanOrEqual(limit);
      }),
    );
  });

  it("are never more than twice the limit in any 60 seconds with two origins, whatever their clocks show", () => {
    fc.assert(
      fc.property(
        limits,
        steps,
        fc.double({ min: -1e9, max: 1e9, noNaN: true }),
        fc.infiniteStream(fc.boolean()),
        (limit, schedule, skew, picks) => {
          let now = 0;
          const origins = [createSlidingLog(() => now), createSlidingLog(() => now + skew)];
          const admitted: number[] = [];
          for (const step of schedule) {
            now += step;
            const origin = origins[picks.next().value ? 1 : 0];
            if (origin?.admit("u", limit).admitted) admitted.push(now);
          }
          expect(busiest(admitted)).toBeLessThanOrEqual(2 * limit);
        },
      ),
    );
  });

  it("are at most the limit more for each process that ran within the window: a restart forgets", () => {
    fc.assert(
      fc.property(limits, steps, fc.array(fc.nat(599), { maxLength: 3 }), (limit, schedule, restarts) => {
        let now = 0;
        let log = createSlidingLog(() => now);
        const admitted: { at: number; process: number }[] = [];
        let process = 0;
        schedule.forEach((step, i) => {
          now += step;
          if (restarts.includes(i)) {
            log = createSlidingLog(() => now);
            process++;
          }
          if (log.admit("u", limit).admitted) admitted.push({ at: now, process });
        });
        for (let p = 0; p <= process; p++)
          expect(busiest(admitted.filter((entry) => entry.process === p).map((entry) => entry.at))).toBeLessThanOrEqual(
            limit,
          );
        expect(busiest(admitted.map((entry) => entry.at))).toBeLessThanOrEqual(limit * (process + 1));
      }),
    );
  });

  it("stay within the limit when the clock jumps, forwards or backwards", () => {
    fc.assert(
      fc.property(
        limits,
        fc.array(fc.double({ min: -120_000, max: 120_000, noNaN: true }), { maxLength: 400 }),
        (limit, jumps) => {
          let clock = 0;
          let latest = Number.NEGATIVE_INFINITY;
          const log = createSlidingLog(() => clock);
          const admitted: number[] = [];
          for (const jump of jumps) {
            clock += jump;
            latest = Math.max(latest, clock);
            if (log.admit("u", limit).admitted) admitted.push(latest);
          }
          expect(busiest(admitted)).toBeLessThanOrEqual(limit);
        },
      ),
    );
  });

  it("are admitted again as soon as the answer said so", () => {
    fc.assert(
      fc.property(limits, fc.array(fc.nat(3_000), { minLength: 130, maxLength: 200 }), (limit, schedule) => {
        let now = 0;
        const log = createSlidingLog(() => now);
        for (const step of schedule) {
          now += step;
          const answer = log.admit("u", limit);
          if (answer.admitted) continue;
          expect(answer.remaining).toBe(0);
          now += answer.resetMs;
          expect(log.admit("u", limit).admitted).toBe(true);
          return;
        }
      }),
    );
  });

  it("are counted for each user alone, and not at all without a limit", () => {
    const log = createSlidingLog(() => 0);
    expect(Array.from({ length: 3 }, () => log.admit("a", 2).admitted)).toEqual([true, true, false]);
    expect(log.admit("b", 2)).toEqual({ admitted: true, limit: 2, remaining: 1, resetMs: 0 });
    for (let i = 0; i < 500; i++) expect(log.admit("c", -1).admitted).toBe(true);
    expect(log.users).toBe(2);
  });

  it("follow a plan that is lowered in mid-window", () => {
    let now = 0;
    const log = createSlidingLog(() => now);
    for (let i = 0; i < 60; i++) {
      log.admit("u", 60);
      now += 100;
    }
    const { admitted, resetMs } = log.admit("u", 30);
    expect(admitted).toBe(false);
    now += resetMs - 1;
    expect(log.admit("u", 30).admitted).toBe(false);
    now += 1;
    expect(log.admit("u", 30).admitted).toBe(true);
  });

  it("work across the point where 32 bits of milliseconds run over", () => {
    let now = 2 ** 32 - 30_000;
    const log = createSlidingLog(() => now);
    for (let i = 0; i < 5; i++) expect(log.admit("u", 5).admitted).toBe(true);
    now += 60_000;
    expect(log.admit("u", 5).admitted).toBe(false);
    now += 1;
    expect(log.admit("u", 5).admitted).toBe(true);
  });

  it("forget users after a minute without losing anything", () => {
    let now = 0;
    const log = createSlidingLog(() => now);
    for (let i = 0; i < 100; i++) log.admit(`u${i}`, MAX_PER_MINUTE);
    expect(log.sweep()).toBe(100);
    now = 60_001;
    expect(log.sweep()).toBe(0);
  });

  it("refuse one user too many and forget nobody for it, until others have gone quiet", () => {
    let now = 0;
    const log = createSlidingLog(() => now, 3);
    for (const user of ["a", "b", "c"]) expect(log.admit(user, 1).admitted).toBe(true);
    expect(log.admit("d", 1)).toEqual({ admitted: false, limit: 1, remaining: 0, resetMs: 1_000 });
    // Nobody's minute began anew.
    for (const user of ["a", "b", "c"]) expect(log.admit(user, 1).admitted).toBe(false);
    expect(log.admit("e", -1).admitted).toBe(true);
    now = 59_500;
    expect(log.admit("d", 1).admitted).toBe(false);
    // Looked for room half a second ago: not again yet.
    now = 60_001;
    expect(log.admit("d", 1).admitted).toBe(false);
    now = 60_500;
    expect(log.admit("d", 1).admitted).toBe(true);
    expect(log.users).toBe(1);
  });
});

describe("headers of a plan", () => {
  it.each([
    [
      { admitted: true, limit: 30, remaining: 12, resetMs: 0 },
      { ratelimit: '"plan";r=12;t=1', "ratelimit-policy": '"plan";q=30;w=60', "x-ratelimit-reset": "1" },
    ],
    [
      { admitted: false, limit: 30, remaining: 0, resetMs: 1_001 },
      { ratelimit: '"plan";r=0;t=2', "retry-after": "2", "x-ratelimit-remaining": "0" },
    ],
  ])("say how much is left: %j", (admission, expected) => {
    expect(rateLimitHeaders(admission)).toMatchObject(expected);
  });
  it("are not sent for plans without a limit", () => {
    expect(rateLimitHeaders({ admitted: true, limit: -1, remaining: -1, resetMs: 0 })).toEqual({});
  });
});
