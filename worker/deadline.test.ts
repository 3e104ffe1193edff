import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Deadlines, LATE, within } from "./deadline.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});
const never = new Promise<never>(() => undefined);

describe("the deadlines of a request", () => {
  it("come each at its time, whatever the order in which they were set", async () => {
    const deadlines = new Deadlines();
    const late: string[] = [];
    for (const [name, ms] of [
      ["five", 5000],
      ["one", 1000],
      ["nine", 9000],
      ["one more", 1000],
    ] as const)
      deadlines.after(ms, () => late.push(`${name} at ${Date.now() - 1_000_000}`));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(late).toEqual(["one at 1000", "one more at 1000", "five at 5000", "nine at 9000"]);
  });

  it("take one timer, as long as none is set that ends before the others", () => {
    const timer = vi.spyOn(globalThis, "setTimeout");
    const deadlines = new Deadlines();
    for (const ms of [1000, 5000, 1000, 15_000]) deadlines.after(ms, () => undefined)();
    const { calls } = timer.mock;
    // Before the clock is: a spy that is left would put the fake one back.
    timer.mockRestore();
    expect(calls).toHaveLength(1);
  });

  it("are void when they were met, and may be set by one that was not", async () => {
    const deadlines = new Deadlines();
    const late: string[] = [];
    const meet = deadlines.after(1000, () => late.push("met"));
    deadlines.after(2000, () => {
      late.push("first");
      deadlines.after(3000, () => late.push(`second at ${Date.now() - 1_000_000}`));
    });
    await vi.advanceTimersByTimeAsync(900);
    meet();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(late).toEqual(["first", "second at 5000"]);
  });

  it.each([
    ["one of many", () => new Deadlines()],
    ["one alone", () => ({ within })],
  ])("give what came in time, throw what was thrown, and are late for the rest: %s", async (_which, make) => {
    const deadlines = make();
    expect(await deadlines.within(Promise.resolve(7), 1000)).toBe(7);
    await expect(deadlines.within(Promise.reject(new Error("broken")), 1000)).rejects.toThrow("broken");
    const late = deadlines.within(never, 1000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await late).toBe(LATE);
  });
});
