import { describe, expect, it } from "vitest";
import { reported, type Reporter } from "./reporter.ts";

function recorder() {
  const seen: string[] = [];
  const report: Reporter = {
    begin(step) {
      seen.push(step);
      return (outcome) => void seen.push(`${step}: ${outcome}`);
    },
    note: (text) => void seen.push(text),
  };
  return { report, seen };
}

describe("a reported step", () => {
  it("ends as done and hands the value on", async () => {
    const { report, seen } = recorder();
    expect(await reported(report, new AbortController().signal, "look", async () => 7)).toBe(7);
    expect(seen).toEqual(["look", "look: done"]);
  });
  it.each([
    ["failed", false],
    ["interrupted", true],
  ])("ends as %s when the work throws", async (outcome, isInterrupted) => {
    const { report, seen } = recorder();
    const stop = new AbortController();
    const work = async () => {
      if (isInterrupted) stop.abort();
      throw new Error("no");
    };
    await expect(reported(report, stop.signal, "look", work)).rejects.toThrow("no");
    expect(seen).toEqual(["look", `look: ${outcome}`]);
  });
  it("does not begin after an interruption", async () => {
    const { report, seen } = recorder();
    const work = async () => void seen.push("worked");
    await expect(reported(report, AbortSignal.abort(new Error("stop")), "look", work)).rejects.toThrow("stop");
    expect(seen).toEqual([]);
  });
});
