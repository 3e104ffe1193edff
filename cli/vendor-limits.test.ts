import { describe, expect, it } from "vitest";
import { askedWaitMs, isLimit } from "./vendor-limits.ts";

const NOW = Date.parse("2026-11-29T12:00:00Z");
const DATE = { date: "Sun, 29 Nov 2026 12:00:00 GMT" };

describe("how long a platform asks to wait", () => {
  it.each([
    ["seconds", { "retry-after": "90" }, 90_000],
    ["a fraction", { "retry-after": "0.5" }, 500],
    ["less than nothing", { "retry-after": "-5" }, 0],
    ["a date, by its own clock", { ...DATE, "retry-after": "Sun, 29 Nov 2026 12:05:00 GMT" }, 300_000],
    ["a date that is over", { ...DATE, "retry-after": "Sun, 29 Nov 2026 11:00:00 GMT" }, 0],
    ["a date without a clock of its own", { "retry-after": "Sun, 29 Nov 2026 12:00:30 GMT" }, 30_000],
    ["a reset, and a second more", { ...DATE, "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795953608" }, 9000],
    ["a reset while calls remain", { ...DATE, "x-ratelimit-remaining": "5", "x-ratelimit-reset": "1795953608" }, null],
    ["nothing", {}, null],
    ["nonsense", { "retry-after": "soon" }, null],
  ])("is told by %s", (_what, headers, wait) => {
    expect(askedWaitMs(new Headers(headers as Record<string, string>), NOW)).toBe(wait);
  });

  it("does not depend on this machine's clock where the platform shows its own", () => {
    const headers = new Headers({ ...DATE, "retry-after": "Sun, 29 Nov 2026 12:05:00 GMT" });
    expect(askedWaitMs(headers, NOW + 86_400_000)).toBe(300_000);
  });
});

describe("a limit", () => {
  it.each([
    [429, {}, "", true],
    [403, { "retry-after": "1" }, "", true],
    [403, { "x-ratelimit-remaining": "0" }, "", true],
    [403, { "x-ratelimit-remaining": "4871" }, "You have exceeded a secondary rate limit.", true],
    [403, {}, "You have triggered an abuse detection mechanism.", true],
    [403, { "x-ratelimit-remaining": "12" }, "Resource not accessible by personal access token", false],
    [404, { "retry-after": "1" }, "rate limit", false],
    [200, {}, "rate limit", false],
  ])("is told from a refusal: %i %j %j", (status, headers, said, limited) => {
    expect(isLimit({ status, headers: new Headers(headers as Record<string, string>), said })).toBe(limited);
  });
});
