import { describe, expect, it } from "vitest";
import { AS_IT_IS, checkLock } from "./lock-model.ts";

describe("a paused holder that wakes after the takeover", () => {
  it("leaves nothing behind once the emergency says that it is done", () => {
    const { trace, states } = checkLock(AS_IT_IS);
    expect(trace).toBeNull();
    expect(states).toBeGreaterThan(100);
  });

  // Each of the four is needed: without it there is a way, and the shortest one tells what it is for.
  it.each([
    ["the emergency does not look", { looksFor: 0 }, "branch 1 writes"],
    ["it looks for no longer than the longest write", { looksFor: 2 }, "branch 1 writes"],
    ["a write is sent whenever the process wakes", { longestWrite: Number.POSITIVE_INFINITY }, "branch 1 writes"],
    ["the guard is silent once the loss was seen", { afterLoss: "passes" as const }, "branch 2 writes"],
    ["the lock is written without a compare", { comparesLock: false }, "branch 1 writes"],
  ])("breaks the promise where %s", (_, change, last) => {
    const { trace } = checkLock({ ...AS_IT_IS, ...change });
    expect(trace).toContain("emergency looks a last time, done");
    expect(trace?.at(-1)).toBe(last);
  });
});
