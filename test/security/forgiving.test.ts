import { describe, expect, it } from "vitest";
import { forgivesFailures, lenientSettings } from "./forgiving.ts";
import { readTracked, trackedFiles } from "./repository.ts";

describe("a test", () => {
  it.each([
    ["is expected to fail", 'it.fails("x", () => {})'],
    ["is, by its options", 'it("x", { fails: true }, () => {})'],
    ["is, in a table", 'it.fails.each([1])("x %s", () => {})'],
    ["is, by another name", 'const t = it["fails"];'],
    ["is tried again", 'it("x", { retry: 3 }, () => {})'],
    ["is tried again with its group", 'describe("x", { "retry" : 3 }, () => {})'],
    ["is repeated", 'it("x", { repeats: 3 }, () => {})'],
  ])("shows nothing when it %s", (_, text) => {
    expect(forgivesFailures(text)).toBe(true);
  });

  it("may talk of it", () => {
    expect(forgivesFailures('it("fails over, and a retry repeats nothing", () => { const fails = 1; })')).toBe(false);
  });

  it("of this repository is never forgiven, nor by a helper", () => {
    const code = trackedFiles().filter((path) => /(\.test\.ts|(^|\/)test\/.*\.ts)$/.test(path));
    expect(code.length).toBeGreaterThan(300);
    const found = code.filter((path) => forgivesFailures(readTracked(path)));
    expect(found).toEqual(["test/security/forgiving.test.ts", "test/security/forgiving.ts"]);
  });
});

describe("settings of vitest", () => {
  const strict = { retry: 0, allowOnly: false, expect: { requireAssertions: true }, setupFiles: [], globalSetup: [] };

  it("are strict as they are here", () => {
    expect(lenientSettings(strict)).toEqual([]);
  });

  it.each([
    ["retry", { retry: 2 }],
    ["retry", { retry: { count: 2 } }],
    ["allowOnly", { allowOnly: true }],
    ["expect.requireAssertions", { expect: {} }],
    ["dangerouslyIgnoreUnhandledErrors", { dangerouslyIgnoreUnhandledErrors: true }],
    ["setupFiles", { setupFiles: ["/a.ts"] }],
    ["globalSetup", { globalSetup: "/a.ts" }],
  ])("let a red test be green by %s", (name, change) => {
    expect(lenientSettings({ ...strict, ...change })).toEqual([name]);
  });
});
