import { describe, expect, it } from "vitest";
import { createSuspicion, DISTINCT_NAMES, WINDOW_MS } from "./suspicion.ts";

describe("suspicion", () => {
  it("is raised once per window by one touch of a decoy", () => {
    let now = 0;
    const suspect = createSuspicion(() => now);
    expect(suspect("u", "decoy", "x")).toEqual({ score: 50, suspected: true });
    expect(suspect("u", "decoy", "x").suspected).toBe(false);
    now = WINDOW_MS;
    expect(suspect("u", "decoy", "x")).toEqual({ score: 50, suspected: true });
  });
  it("is raised by the fifth name that was never granted", () => {
    const suspect = createSuspicion(() => 0);
    expect(Array.from({ length: 5 }, (_, i) => suspect("u", "never_granted", `t${i}`).suspected)).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
  });
  it("is raised by twenty different names that do not exist, not by one name fifty times less one", () => {
    const suspect = createSuspicion(() => 0);
    for (let i = 0; i < 49; i++) expect(suspect("typist", "nonexistent", "same").suspected).toBe(false);
    const tries = Array.from({ length: DISTINCT_NAMES }, (_, i) => suspect("prober", "nonexistent", `t${i}`).suspected);
    expect(tries.indexOf(true)).toBe(DISTINCT_NAMES - 1);
  });
  it("is never raised by habits: revoked or disabled tools", () => {
    const suspect = createSuspicion(() => 0);
    for (let i = 0; i < 1_000; i++)
      expect(suspect("u", i % 2 === 0 ? "recently_revoked" : "disabled", `t${i}`)).toEqual({
        score: 0,
        suspected: false,
      });
  });
  it("forgets after ten minutes", () => {
    let now = 0;
    const suspect = createSuspicion(() => now);
    for (let i = 0; i < 4; i++) suspect("u", "never_granted", `t${i}`);
    now = WINDOW_MS;
    expect(suspect("u", "never_granted", "t5").score).toBe(10);
  });
});
