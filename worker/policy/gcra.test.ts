import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gcra } from "./gcra.ts";

/** Plays arrival times (sorted, milliseconds) and returns those that were admitted. */
function play(times: readonly number[], rate: number): number[] {
  let tat = 0;
  return times.filter((now) => {
    const verdict = gcra(tat, now, rate);
    ({ tat } = verdict);
    return verdict.admitted;
  });
}

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
      const verdict = gcra(tat, START, 5);
      ({ tat } = verdict);
      return verdict.remaining;
    });
    expect(remaining).toEqual([4, 3, 2, 1, 0]);
    expect(gcra(tat, START, 5)).toEqual({ admitted: false, tat, remaining: 0, retryAfterMs: 200 });
    expect(gcra(tat, START + 199, 5).admitted).toBe(false);
    expect(gcra(tat, START + 200, 5).admitted).toBe(true);
  });

  it("forgives a clock that stepped back within one burst", () => {
    let tat = 0;
    for (let i = 0; i < 5; i++) ({ tat } = gcra(tat, START, 5));
    const back = START - 3_600_000;
    const refused = gcra(tat, back, 5);
    expect(refused).toMatchObject({ admitted: false, retryAfterMs: 200 });
    expect(gcra(refused.tat, back + 200, 5).admitted).toBe(true);
  });
});
