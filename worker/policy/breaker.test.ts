import { describe, expect, it } from "vitest";
import { Breaker } from "./breaker.ts";

/** A breaker that a probe found down at 0. */
function open(): Breaker {
  const breaker = new Breaker();
  breaker.suspect();
  breaker.takeProbe(0);
  breaker.judge(0, 0, false);
  return breaker;
}

describe("breaker", () => {
  it("is never opened by what requests met, however many they are", () => {
    const breaker = new Breaker();
    for (let i = 0; i < 10_000; i++) breaker.suspect();
    expect(breaker.admits).toBe(true);
  });

  it("asks for one probe when a request failed, and for none before", () => {
    const breaker = new Breaker();
    expect(breaker.takeProbe(0)).toBe(false);
    breaker.suspect();
    expect([breaker.takeProbe(0), breaker.takeProbe(0)]).toEqual([true, false]);
  });

  it("opens when the probe finds the origin down, and closes when one finds it up", () => {
    const breaker = open();
    expect(breaker.admits).toBe(false);
    expect(breaker.takeProbe(1_999)).toBe(false);
    expect(breaker.takeProbe(2_000)).toBe(true);
    breaker.judge(2_000, 2_100, true);
    expect([breaker.admits, breaker.takeProbe(10_000)]).toEqual([true, false]);
  });

  it("stays closed when the probe finds it up, and asks again at the next failure, 2 s later at the earliest", () => {
    const breaker = new Breaker();
    breaker.suspect();
    breaker.takeProbe(0);
    breaker.judge(0, 50, true);
    breaker.suspect();
    expect([breaker.admits, breaker.takeProbe(2_049), breaker.takeProbe(2_050)]).toEqual([true, false, true]);
  });

  it("does not wait for ever for a probe whose owner died, and does not hear it after that", () => {
    const breaker = open();
    breaker.takeProbe(2_000);
    expect(breaker.takeProbe(2_000 + 31_999)).toBe(false);
    expect(breaker.takeProbe(2_000 + 32_000)).toBe(true);
    breaker.judge(2_000, 34_500, true);
    expect(breaker.admits).toBe(false);
    breaker.judge(34_000, 34_600, true);
    expect(breaker.admits).toBe(true);
  });

  it("knows for two minutes that the origin is awake", () => {
    const breaker = new Breaker();
    expect(breaker.warm(0)).toBe(false);
    breaker.answered(0);
    expect([breaker.warm(119_999), breaker.warm(120_000)]).toEqual([true, false]);
  });
});
