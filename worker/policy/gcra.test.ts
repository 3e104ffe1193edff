import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gcra, type Terms } from "./gcra.ts";

/** As many at once as in a second, and nobody waits. */
const plain = (rate: number): Terms => ({ rate, depth: rate, waitMs: 0 });
/** Plays arrival times (sorted, milliseconds) and returns the starts of those that were admitted. */
function starts(times: readonly number[], terms: Terms): number[] {
  let tat = 0;
  return times.flatMap((now) => {
    const verdict = gcra(tat, now, terms);
    ({ tat } = verdict);
    return verdict.admitted ? [now + verdict.startMs] : [];
  });
}
const play = (times: readonly number[], rate: number): number[] => starts(times, plain(rate));

const START = 1_795_000_000_000;
const arrivals = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 }).map((gaps) => {
  let now = START;
  return gaps.map((gap) => (now += gap > 300 ? gap : gap % 40));
});

describe("gcra", () => {
  it.each([1, 2, 3, 5, 7, 10, 60, 1000])("admits exactly %i of 1200 requests at one moment", (rate) => {
    const times = Array.from({ length: 1200 }, () => START);
    expect(play(times, rate)).toHaveLength(rate);
  });

  it("admits at most rate + rate x W requests in every window of W seconds", () => {
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 20 }), (times, rate) => {
        const admitted = play(times, rate);
        for (let from = 0; from < admitted.length; from++)
          for (let to = from; to < admitted.length; to++) {
            const seconds = ((admitted[to] ?? 0) - (admitted[from] ?? 0)) / 1000;
            expect(to - from + 1).toBeLessThanOrEqual(Math.floor(rate + rate * seconds + 1e-4));
          }
      }),
    );
  });

  it("admits whoever keeps to the rate, every time", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 200 }), (rate, count) => {
        const times = Array.from({ length: count }, (_, i) => START + Math.ceil((i * 1000) / rate));
        expect(play(times, rate)).toHaveLength(count);
      }),
    );
  });

  it("charges nothing for a refusal: a flooding client gets its rate all the same", () => {
    const times = Array.from({ length: 10_000 }, (_, i) => START + i);
    const admitted = play(times, 5).length;
    expect(admitted).toBeGreaterThanOrEqual(54);
    expect(admitted).toBeLessThanOrEqual(55);
  });

  it("tells how many more fit and when the next one fits", () => {
    let tat = 0;
    const remaining = [4, 3, 2, 1, 0].map(() => {
      const verdict = gcra(tat, START, plain(5));
      ({ tat } = verdict);
      return verdict.remaining;
    });
    expect(remaining).toEqual([4, 3, 2, 1, 0]);
    expect(gcra(tat, START, plain(5))).toEqual({ admitted: false, tat, startMs: 0, remaining: 0, retryAfterMs: 200 });
    expect(gcra(tat, START + 199, plain(5)).admitted).toBe(false);
    expect(gcra(tat, START + 200, plain(5)).admitted).toBe(true);
  });

  it("forgives a clock that stepped back within one burst", () => {
    let tat = 0;
    for (let i = 0; i < 5; i++) ({ tat } = gcra(tat, START, plain(5)));
    const back = START - 3_600_000;
    const refused = gcra(tat, back, plain(5));
    expect(refused).toMatchObject({ admitted: false, retryAfterMs: 200 });
    expect(gcra(refused.tat, back + 200, plain(5)).admitted).toBe(true);
  });
});

describe("gcra that promises a start", () => {
  const terms = fc.record({
    rate: fc.integer({ min: 1, max: 20 }),
    depth: fc.integer({ min: 1, max: 40 }),
    waitMs: fc.integer({ min: 0, max: 2000 }),
  });

  it("starts twenty calls of one turn at once, and thirty, and the next five within the second", () => {
    const turn = starts(
      Array.from({ length: 60 }, () => START),
      { rate: 5, depth: 30, waitMs: 1000 },
    );
    expect(turn.map((start) => start - START)).toEqual([
      ...Array.from({ length: 30 }, () => 0),
      200,
      400,
      600,
      800,
      1000,
    ]);
  });

  it("starts at most depth + rate x W requests in every window of W seconds", () => {
    fc.assert(
      fc.property(arrivals, terms, (times, its) => {
        const started = starts(times, its).toSorted((a, b) => a - b);
        for (let from = 0; from < started.length; from++)
          for (let to = from; to < started.length; to++) {
            const seconds = ((started[to] ?? 0) - (started[from] ?? 0)) / 1000;
            // Starts are whole milliseconds, rounded up.
            expect(to - from + 1).toBeLessThanOrEqual(its.depth + its.rate * (seconds + 0.001) + 1e-4);
          }
      }),
    );
  });

  it("admits at most depth + rate x (W + 1) in every window of W seconds when a start is promised a second ahead", () => {
    fc.assert(
      fc.property(arrivals, terms, (times, { rate, depth }) => {
        let tat = 0;
        const admitted = times.filter((now) => {
          const verdict = gcra(tat, now, { rate, depth, waitMs: 1000 });
          ({ tat } = verdict);
          return verdict.admitted;
        });
        for (let from = 0; from < admitted.length; from++)
          for (let to = from; to < admitted.length; to++) {
            const seconds = ((admitted[to] ?? 0) - (admitted[from] ?? 0)) / 1000;
            expect(to - from + 1).toBeLessThanOrEqual(depth + rate * (seconds + 1) + 1e-4);
          }
      }),
    );
  });

  it("promises no start further ahead than it may, and keeps the order", () => {
    fc.assert(
      fc.property(arrivals, terms, (times, its) => {
        let tat = 0;
        let last = 0;
        for (const now of times) {
          const verdict = gcra(tat, now, its);
          ({ tat } = verdict);
          expect(verdict.startMs).toBeLessThanOrEqual(its.waitMs + 1);
          if (verdict.admitted) expect(now + verdict.startMs).toBeGreaterThanOrEqual(last);
          if (verdict.admitted) last = now + verdict.startMs;
        }
      }),
    );
  });
});
