import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** Each is a suite that fails in a way of its own. */
const FILES = {
  "hook.test.ts": `beforeAll(() => { throw new Error("the database did not start") }); it("waits", () => {});`,
  "inner.test.ts": `describe("a cloud", () => { beforeAll(() => { throw new Error("no port is free") }); it("answers", () => {}); });`,
  "after.test.ts": `it("works", () => {}); afterAll(() => { throw new Error("a process is left") });`,
  "both.test.ts": `it("adds", () => { expect(1).toBe(2) }); describe("b", () => { afterAll(() => { throw new Error("a folder is left") }); it("c", () => {}); });`,
  "load.test.ts": `import "./missing.ts"; it("is never reached", () => {});`,
  "stray.test.ts": `it("goes on", async () => { setTimeout(() => { throw new Error("nobody waits for me") }); await new Promise((done) => setTimeout(done, 50)) });`,
};

describe("the totals of a run", () => {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-totals-"));
  let told = "";
  beforeAll(() => {
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
    const report = join(folder, "report.json");
    const env = { PATH: process.env["PATH"], HOME: process.env["HOME"] };
    const vitest = [resolve("node_modules/vitest/vitest.mjs"), "run", "--root", folder, "--globals", "--maxWorkers=1"];
    const reporter = [`--reporter=${resolve("test/report.ts")}`, `--outputFile.json=${report}`, "--isolate=false"];
    const run = spawnSync(process.execPath, [...vitest, ...reporter], { cwd: folder, env, encoding: "utf8" });
    expect(run.status, run.stderr).toBe(1);
    told = spawnSync(process.execPath, [resolve("test/totals.ts"), "1", report], {
      cwd: folder,
      encoding: "utf8",
    }).stdout;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ["a hook of a file", /^FAILED hook\.test\.ts\n {2}Error: the database did not start$/m],
    ["a hook of a describe", /^FAILED inner\.test\.ts\n {2}in a cloud\n {2}Error: no port is free$/m],
    ["a hook after tests that passed", /^FAILED after\.test\.ts\n {2}Error: a process is left$/m],
    ["a test", /^FAILED both\.test\.ts > adds\n {2}AssertionError: expected 1 to be 2/m],
    ["a hook beside a test that failed", /^FAILED both\.test\.ts\n {2}in b\n {2}Error: a folder is left$/m],
    ["a file that cannot be loaded", /^FAILED load\.test\.ts\n(?: {2}.*\n)*? {2}.*missing\.ts/m],
    ["an error of no test", /^FAILED beside the tests\n {2}Error: nobody waits for me$/m],
  ])("tell why: %s", (_, expected) => {
    expect(told).toMatch(expected);
  });

  it("count what the runner counted, and the step", () => {
    expect(told.trimEnd().split("\n").at(-1)).toBe("3 passed, 2 failed, 2 skipped");
  });
});
