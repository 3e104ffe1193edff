import { describe, expect, it } from "vitest";
import { forgivesFailures, lenientSettings } from "./forgiving.ts";
import { readTracked, trackedFiles } from "./repository.ts";

/** In pieces: this file is not what it looks for, or its own tests would count as none. */
const [FAILS, RETRY, REPEATS] = ["fails", "retry", "repeats"];

describe("a test", () => {
  it.each([
    ["is expected to fail", `it.${FAILS}("x", () => {})`],
    ["is, by its options", `it("x", { ${FAILS}: true }, () => {})`],
    ["is, in a table", `it.${FAILS}.each([1])("x %s", () => {})`],
    ["is, by another name", `const t = it["${FAILS}"];`],
    ["is tried again", `it("x", { ${RETRY}: 3 }, () => {})`],
    ["is tried again, and more", `it("x", { timeout: 1, ${RETRY}: 3 }, () => {})`],
    ["is tried again with its group", `describe("x", { "${RETRY}" : 3 }, () => {})`],
    ["is repeated", `it("x", { ${REPEATS}: 3 }, () => {})`],
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
    expect(found).toEqual(["test/security/forgiving.ts", "test/security/mutants/checks.ts"]);
  });
});

describe("settings of vitest", () => {
  const strict = { allowOnly: false, expect: { requireAssertions: true }, setupFiles: [], globalSetup: [] };

  it("are strict as they are here", () => {
    expect(lenientSettings(strict)).toEqual([]);
  });

  it.each([
    ["retry", Object.fromEntries([["retry", 2]])],
    ["retry", Object.fromEntries([["retry", { count: 2 }]])],
    ["allowOnly", { allowOnly: true }],
    ["expect.requireAssertions", { expect: {} }],
    ["dangerouslyIgnoreUnhandledErrors", { dangerouslyIgnoreUnhandledErrors: true }],
    ["setupFiles", { setupFiles: ["/a.ts"] }],
    ["globalSetup", { globalSetup: "/a.ts" }],
  ])("let a red test be green by %s", (name, change) => {
    expect(lenientSettings({ ...strict, ...change })).toEqual([name]);
  });
});
