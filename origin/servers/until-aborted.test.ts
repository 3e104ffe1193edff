import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { untilAborted } from "./until-aborted.ts";

const never = new Promise<never>(() => {});

describe("waiting that may be given up", () => {
  it.each([
    ["its work is done", Promise.resolve(1), () => {}],
    ["its caller gives up", never, (stop: AbortController) => stop.abort()],
  ])("ends when %s, and leaves nothing behind", async (_when, work, act) => {
    const stop = new AbortController();
    const waiting = untilAborted(work, stop.signal);
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(1);
    act(stop);
    await waiting;
    expect(getEventListeners(stop.signal, "abort")).toEqual([]);
  });

  it("does not begin when its caller has given up already", async () => {
    const signal = AbortSignal.abort();
    await untilAborted(never, signal);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("fails with its work, and leaves nothing behind", async () => {
    const { signal } = new AbortController();
    await expect(untilAborted(Promise.reject(new Error("broken")), signal)).rejects.toThrow("broken");
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});
