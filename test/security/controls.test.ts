/** The controls are honest: each named test exists and runs, each accepted risk is bounded, the published tables are these. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { cisFaults, readCis } from "./cis.ts";
import { type Control, dishonesties, MCP_10, readControls, TOP_10, type World } from "./controls.ts";
import type { KnownTest } from "./list-tests.ts";
import { MUTANTS } from "./mutants/table.ts";
import { PINNED_SCANNERS } from "./pinned-controls.ts";
import { readTracked, ROOT, trackedFiles } from "./repository.ts";
import { tablesOf } from "./tables.ts";

const controls = readControls(readTracked("docs/security/controls.yaml"));
const cis = readCis(readTracked("docs/security/cis.yaml"));
let world: World;

beforeAll(async () => {
  const list = join(ROOT, "test/security/list-tests.ts");
  // A process of its own: vitest inside vitest would share its state. MCPIST_SUITE of this run is not meant for it.
  const { MCPIST_SUITE: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, [list], {
    cwd: ROOT,
    env,
    maxBuffer: 64 * 1024 * 1024,
  });
  world = {
    tests: JSON.parse(stdout) as readonly KnownTest[],
    exists: (path) => existsSync(join(ROOT, path)),
    today: new Date().toISOString().slice(0, 10),
  };
}, 240_000);

describe("controls", () => {
  it("name only tests that exist and run, decisions that are written, and reviews that are to come", () => {
    expect(world.tests.length).toBeGreaterThan(500);
    expect(dishonesties(controls, world)).toEqual([]);
  });

  it("and what is said of the CIS benchmarks name only what exists, and leave out no recommendation", () => {
    expect(cis.benchmarks.map(({ name, version, recommendations }) => [name, version, recommendations])).toEqual([
      ["CIS Docker Benchmark", "1.8.0, section 4", 12],
      ["CIS GitHub Benchmark", "1.2.0", 120],
      ["CIS PostgreSQL 17 Benchmark", "1.1.0", 73],
    ]);
    expect(cisFaults(cis, { tests: world.tests, controls, scanners: PINNED_SCANNERS })).toEqual([]);
  });

  it("are published as they are", () => {
    for (const [path, text] of Object.entries(tablesOf(controls, MUTANTS, cis)))
      expect(
        existsSync(join(ROOT, path)) ? readTracked(path) : "",
        `${path}: run node test/security/write-tables.ts`,
      ).toBe(text);
  });

  it.each([
    ["docs/security/owasp-top10.md", TOP_10],
    ["docs/security/owasp-mcp.md", MCP_10],
  ])("make exactly one row of each category in %s", (path, categories) => {
    const rows = [...readTracked(path).matchAll(/^\| (A\d\d|MCP\d\d) /gm)].map(([, category]) => category);
    expect(rows).toEqual(categories);
  });

  it("know every risk that a document calls accepted, and the other way round", () => {
    const risks = controls.flatMap((entry) => (entry.status === "accepted-risk" ? [entry.decision] : []));
    const decisions = trackedFiles().filter(
      (path) => /^docs\/decisions\/\d{4}/.test(path) && /accepted risk/i.test(readTracked(path)),
    );
    expect(new Set(risks)).toEqual(new Set(decisions));
    expect(risks.length).toBeGreaterThan(0);
  });
});

describe("a dishonest control", () => {
  const honest: Control = {
    id: "OK-01",
    title: "something that is really there",
    maps: [
      ...TOP_10.map((category) => `OWASP-Top10:2025/${category}`),
      ...MCP_10.map((category) => `OWASP-MCP/${category}`),
    ],
    status: "implemented",
    evidence: [{ test: "a.test.ts", name: "group > works" }],
  };
  const small: World = {
    tests: [
      { file: "a.test.ts", name: "group > works", runs: true },
      { file: "a.test.ts", name: "group > some day", runs: false },
    ],
    exists: (path) => path === "docs/decisions/0001-there.md",
    today: "2026-11-22",
  };
  const risk: Control = {
    ...honest,
    id: "AR-01",
    status: "accepted-risk",
    reason: "nobody has the time",
    bound: { test: "a.test.ts", name: "group > works" },
    decision: "docs/decisions/0001-there.md",
    "review-by": "2027-01-01",
  };

  it("is not what an honest one is", () => {
    expect(dishonesties([honest, risk], small)).toEqual([]);
  });

  it.each<[string, readonly Control[], RegExp]>([
    [
      "a test that does not exist",
      [{ ...honest, evidence: [{ test: "a.test.ts", name: "group > dreams" }] }],
      /does not exist/,
    ],
    [
      "a test of another file",
      [{ ...honest, evidence: [{ test: "b.test.ts", name: "group > works" }] }],
      /does not exist/,
    ],
    [
      "a test that is skipped",
      [{ ...honest, evidence: [{ test: "a.test.ts", name: "group > some day" }] }],
      /is skipped/,
    ],
    [
      "a risk without its bound",
      [honest, { ...risk, bound: { test: "a.test.ts", name: "gone" } }],
      /AR-01 names a test that does not exist/,
    ],
    [
      "a risk without its decision",
      [honest, { ...risk, decision: "docs/decisions/0002-gone.md" }],
      /decision that does not exist/,
    ],
    ["a risk whose review is over", [honest, { ...risk, "review-by": "2026-11-22" }], /to be reviewed/],
    [
      "a risk that nobody looks at for longer than a year",
      [honest, { ...risk, "review-by": "2027-11-23" }],
      /more than a year: 2027-11-23/,
    ],
    ["one id for two things", [honest, honest], /appears twice/],
    ["a category that nobody speaks of", [{ ...honest, maps: honest.maps.slice(1) }], /nothing is said about A01/],
  ])("is found by %s", (_, list, sentence) => {
    const found = dishonesties(list, small);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(sentence);
  });

  it.each([
    ["no evidence", "status: implemented, evidence: []"],
    ["an unknown status", "status: done"],
    [
      "an accepted risk without a date",
      "status: accepted-risk, reason: because of that, bound: { test: a, name: b }, decision: docs/decisions/0001-a.md",
    ],
    ["not-done without a reason", "status: not-done"],
  ])("cannot even be read with %s", (_, rest) => {
    expect(() =>
      readControls(`controls: [{ id: XX-01, title: something or other, maps: [OWASP-MCP/MCP01], ${rest} }]`),
    ).toThrow();
  });
});
