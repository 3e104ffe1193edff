import { describe, expect, it } from "vitest";
import { inZone } from "./time.ts";

describe("module time", () => {
  it.each([
    ["2026-11-22T12:00:00Z", "UTC", "2026-11-22T12:00:00+00:00"],
    ["2026-11-22T12:00:00Z", "Asia/Tokyo", "2026-11-22T21:00:00+09:00"],
    ["2026-07-01T00:00:00Z", "America/St_Johns", "2026-06-30T21:30:00-02:30"],
    ["2026-03-29T01:00:00Z", "Europe/Berlin", "2026-03-29T03:00:00+02:00"],
    ["0099-01-01T00:00:00Z", "UTC", "0099-01-01T00:00:00+00:00"],
  ])("shows %s in %s as %s", (instant, zone, expected) => {
    expect(inZone(new Date(instant), zone)).toBe(expected);
  });
  it("refuses zones that do not exist", () => {
    expect(() => inZone(new Date(0), "Mars/Olympus")).toThrow("this time zone is not known");
  });
});
