import { describe, expect, it } from "vitest";
import { UploadPace } from "./upload-pace.ts";

/** Sends `bytes` every `everyMs`. @returns after how many milliseconds it was too slow; null = not within ten minutes */
function tooSlowAfter(bytes: number, everyMs: number): number | null {
  const pace = new UploadPace();
  for (let time = 0; time < 600_000; time += everyMs) {
    if (pace.leftMs < everyMs) return time + pace.leftMs;
    pace.came(everyMs, bytes);
  }
  return null;
}

describe("the pace of an upload", () => {
  it.each([
    ["nothing", 0, 1000, 5000],
    ["a byte a second", 1, 1000, 5000.9765625],
    ["half the least rate", 2048, 1000, 10_000],
  ])("is too slow with %s", (_, bytes, everyMs, after) => {
    expect(Math.abs((tooSlowAfter(bytes, everyMs) ?? 0) - after)).toBeLessThanOrEqual(1500);
  });

  it.each([
    ["the least rate", 4096, 1000],
    ["the least rate in lumps", 4 * 4096, 4000],
  ])("goes on for ever with %s", (_, bytes, everyMs) => {
    expect(tooSlowAfter(bytes, everyMs)).toBeNull();
  });

  it("gives no time in advance: whoever sent a megabyte at once may not pause for longer", () => {
    const pace = new UploadPace();
    pace.came(0, 1024 * 1024);
    expect(pace.leftMs).toBe(5000);
  });
});
