import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RETRY_RESERVE } from "../constants.ts";
import { Breaker } from "./breaker.ts";
import { RetryBudget } from "./retry-budget.ts";

const T = 1_795_000_000_000;
const opened = (): Breaker => {
  const breaker = new Breaker();
  for (let i = 0; i < 5; i++) breaker.failed(T);
  return breaker;
};

describe("breaker", () => {
  it("opens on the fifth failure in a row", () => {
    const breaker = new Breaker();
    expect([1, 2, 3, 4, 5].map(() => breaker.failed(T))).toEqual([false, false, false, false, true]);
    expect(breaker.admits(T)).toBe(false);
  });

  it("starts counting again after an answer", () => {
    const breaker = new Breaker();
    for (let i = 0; i < 4; i++) breaker.failed(T);
    breaker.answered(T);
    for (let i = 0; i < 4; i++) breaker.failed(T);
    expect(breaker.admits(T)).toBe(true);
  });

  it("opens when half of twenty requests within ten seconds fail", () => {
    const breaker = new Breaker();
    const outcomes = Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0 ? breaker.answered(T + i * 100) : breaker.failed(T + i * 100),
    );
    expect(outcomes.at(-1)).toBe(true);
    expect(breaker.admits(T + 2000)).toBe(false);
  });

  it("does not add up failures that are more than ten seconds apart", () => {
    // At this pace twenty requests never fall into ten seconds.
    const slow = new Breaker();
    for (let i = 0; i < 40; i++) {
      slow.answered(T + i * 1100);
      slow.failed(T + i * 1100);
    }
    expect(slow.admits(T + 44_000)).toBe(true);
  });

  it("lets one request through after ten seconds, and closes when it is answered", () => {
    const breaker = opened();
    expect(breaker.admits(T + 9_999)).toBe(false);
    expect(breaker.admits(T + 10_000)).toBe(true);
    breaker.begin(T + 10_000);
    expect(breaker.admits(T + 10_001)).toBe(false);
    breaker.answered(T + 10_050);
    expect(breaker.admits(T + 10_051)).toBe(true);
    expect(breaker.failed(T + 10_052)).toBe(false);
  });

  it("waits ten seconds more when the one request fails", () => {
    const breaker = opened();
    breaker.begin(T + 10_000);
    breaker.failed(T + 10_500);
    expect(breaker.admits(T + 20_499)).toBe(false);
    expect(breaker.admits(T + 20_500)).toBe(true);
  });

  it("is not kept open by failures of requests that were under way when it opened", () => {
    const breaker = opened();
    breaker.failed(T + 9_000);
    expect(breaker.admits(T + 10_000)).toBe(true);
  });

  it("tries again when the one request was never heard of again", () => {
    const breaker = opened();
    breaker.begin(T + 10_000);
    expect(breaker.admits(T + 39_999)).toBe(false);
    expect(breaker.admits(T + 40_000)).toBe(true);
  });

  it("calls an origin warm for two minutes after an answer", () => {
    const breaker = new Breaker();
    expect(breaker.warm(T)).toBe(false);
    breaker.answered(T);
    expect(breaker.warm(T + 119_999)).toBe(true);
    expect(breaker.warm(T + 120_000)).toBe(false);
  });

  it("admits at most one request per pause while nothing is ever answered", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 50, maxLength: 300 }), (gaps) => {
        const breaker = opened();
        let now = T;
        let admitted = 0;
        for (const gap of gaps) {
          now += gap;
          if (!breaker.admits(now)) continue;
          admitted++;
          breaker.begin(now);
          breaker.failed(now);
        }
        expect(admitted).toBeLessThanOrEqual((now - T) / 10_000);
      }),
    );
  });
});

describe("retry budget", () => {
  it("allows a reserve and then one retry per ten requests, whatever the pattern", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 500 }), (wants) => {
        const budget = new RetryBudget();
        let retries = 0;
        wants.forEach((want, index) => {
          budget.earn();
          if (want && budget.spend()) retries++;
          expect(retries).toBeLessThanOrEqual(RETRY_RESERVE + (index + 1) / 10);
        });
      }),
    );
  });
});
