import { describe, expect, it } from "vitest";
import { type Control, readControls } from "./controls.ts";
import { badgeOf, differencesIn, pageOf, type Statement, statementOf } from "./evidence-statement.ts";
import type { KnownTest } from "./list-tests.ts";
import type { MutantReport, MutantResult } from "./mutants/report.ts";
import { PINNED_CONTROLS } from "./pinned-controls.ts";
import { readTracked } from "./repository.ts";
import { type Evidence, filesOf, pinOf, type Report, type RunFile, verdictsOf } from "./verdicts.ts";

const control = {
  id: "OK-01",
  title: "something that is really there",
  maps: ["OWASP-MCP/MCP01"],
  status: "implemented",
  evidence: [{ test: "a.test.ts", name: "group > works with %s" }],
} satisfies Control;
const database = { test: "b.postgres.test.ts", name: "rows > are kept" };
const known = (name: string, runs = true): KnownTest => ({ file: "a.test.ts", name, runs });
const ran = (...cases: (readonly [name: string, status: string])[]): RunFile => ({
  file: "a.test.ts",
  failed: false,
  cases: cases.map(([name, status]) => ({ name, status })),
});
const honest: Evidence = {
  controls: [control],
  pinned: ["OK-01 implemented"],
  tests: [known("group > works with %s"), known("group > works with %s and more")],
  files: [ran(["group > works with one", "passed"], ["group > works with two", "passed"])],
  mutants: [],
  fates: [],
  earlier: [],
};

describe("evidence", () => {
  it("calls proven what ran and passed, and counts its cases", () => {
    expect(verdictsOf(honest)).toEqual([
      {
        id: "OK-01",
        title: "something that is really there",
        status: "implemented",
        result: "PROVEN",
        reasons: [],
        tests: [{ test: "a.test.ts", name: "group > works with %s", result: "PROVEN", cases: 2 }],
        mutants: null,
        earlier: [],
      },
    ]);
  });

  it.each<[string, Partial<Evidence>, string]>([
    ["a file that is in no report", { files: [] }, "its file is in no report"],
    ["a test that is renamed", { tests: [known("group > works for %s")] }, "does not exist"],
    [
      "a report of the test's old name",
      { files: [ran(["group > worked once", "passed"])] },
      "has no case in the report",
    ],
    ["a table without a row", { files: [ran()] }, "has no case in the report"],
    [
      "a table whose only row is another test's",
      { files: [ran(["group > works with one and more", "passed"])] },
      "has no case in the report",
    ],
    [
      "a test that skips itself while it runs",
      { files: [ran(["group > works with one", "passed"], ["group > works with two", "skipped"])] },
      "a case is skipped: group > works with two",
    ],
    ["a filtered test", { files: [ran(["group > works with one", "pending"])] }, "a case is pending"],
    ["a test that is to be done", { files: [ran(["group > works with one", "todo"])] }, "a case is todo"],
    ["a test that failed", { files: [ran(["group > works with one", "failed"])] }, "a case is failed"],
    [
      "a test that failed in one report of two",
      { files: [...honest.files, ran(["group > works with one", "failed"])] },
      "a case is failed",
    ],
    [
      "a hook that failed",
      { files: [{ ...ran(["group > works with one", "passed"]), failed: true }] },
      "outside its tests",
    ],
    ["an expected failure", { tests: [known("group > works with %s", false)] }, "expected to fail"],
    [
      "an expected failure beside a test of its name",
      { tests: [known("group > works with %s"), known("group > works with %s", false)] },
      "expected to fail",
    ],
    ["a control that is deleted", { controls: [] }, "OK-01 is no longer in controls.yaml"],
    ["a control that nobody pinned", { pinned: [] }, "not in the pinned list"],
    [
      "a control that claims less than it did",
      {
        controls: [
          { id: "OK-01", title: control.title, maps: control.maps, status: "not-done", reason: "no time for it" },
        ],
      },
      '"OK-01 not-done" is not in the pinned list',
    ],
    ["a control that cites nothing", { controls: [{ ...control, evidence: [] }] }, "OK-01 cites no test"],
  ])("calls unproven: %s", (_, change, reason) => {
    const verdicts = verdictsOf({ ...honest, ...change });
    expect(verdicts.map(({ result }) => result)).toEqual(["UNPROVEN"]);
    expect(verdicts[0]?.reasons.join("\n")).toContain(reason);
  });

  describe("of a critical control", () => {
    const mutant = {
      id: "OK-01/off",
      breaks: "it",
      file: "a.ts",
      from: "a",
      to: "b",
      caughtBy: ["group > works with %s"],
    };
    const caught: MutantResult = { id: "OK-01/off", fate: "caught", reasons: [] };
    const critical: Evidence = {
      ...honest,
      controls: [{ ...control, critical: true }],
      pinned: ["OK-01 implemented critical"],
      mutants: [mutant],
      fates: [caught],
    };
    const unrelated = [
      { test: "a.test.ts", name: "group > works with %s" },
      { test: "a.test.ts", name: "group > works with %s and more" },
    ];

    it.each<[string, Partial<Evidence>, string, string]>([
      ["is proven when its mutant was caught", {}, "PROVEN", ""],
      [
        "is no more than tested when its mutants were not run",
        { fates: [] },
        "TESTED",
        "1 of its 1 mutants were not run",
      ],
      ["is not even that when its tests did not pass", { fates: [], files: [] }, "UNPROVEN", "is in no report"],
      [
        "is not run when a suite of its tests was not, whatever its mutants did",
        {
          controls: [{ ...control, critical: true, evidence: [...control.evidence, database] }],
          tests: [...honest.tests, { file: database.test, name: database.name, runs: true }],
        },
        "NOT RUN",
        "the suite postgres was not run",
      ],
      [
        "is unproven when one survived",
        { fates: [{ ...caught, fate: "survived", reasons: ["x stays green"] }] },
        "UNPROVEN",
        "the mutant OK-01/off survived: x stays green",
      ],
      [
        "is unproven when one no longer applies",
        { fates: [{ ...caught, fate: "stale" }] },
        "UNPROVEN",
        "the mutant OK-01/off no longer applies",
      ],
      ["is unproven when it has none", { mutants: [], fates: [] }, "UNPROVEN", "no mutant breaks it"],
      ["is unproven when nobody calls it critical any more", { controls: [control] }, "UNPROVEN", "pinned list"],
      [
        "is unproven when it cites a test about something else",
        {
          controls: [{ ...control, critical: true, evidence: unrelated }],
          files: [...honest.files, ran(["group > works with one and more", "passed"])],
        },
        "UNPROVEN",
        "no mutant of OK-01 is caught by a test that it cites: group > works with %s and more",
      ],
    ])("%s", (_, change, result, reason) => {
      const [verdict] = verdictsOf({ ...critical, ...change });
      expect(verdict?.result).toBe(result);
      expect(verdict?.reasons.join("\n") ?? "").toContain(reason);
    });
  });

  it("names the commit at which an earlier run caught what this one left out, and is no prouder for it", () => {
    const mutant = { breaks: "it", file: "a.ts", from: "a", to: "b", caughtBy: ["group > works with %s"] };
    const report = (commit: string | null, ...results: readonly [string, MutantResult["fate"]][]): MutantReport => ({
      tree: "0".repeat(64),
      commit,
      results: results.map(([id, fate]) => ({ id, fate, reasons: [] })),
    });
    const [verdict] = verdictsOf({
      ...honest,
      controls: [{ ...control, critical: true }],
      pinned: ["OK-01 implemented critical"],
      mutants: ["now", "before", "twice", "slipped", "dirty", "never"].map((name) => ({
        ...mutant,
        id: `OK-01/${name}`,
      })),
      fates: [{ id: "OK-01/now", fate: "caught", reasons: [] }],
      earlier: [
        report(null, ["OK-01/dirty", "caught"]),
        report("b".repeat(40), ["OK-01/twice", "caught"], ["OK-01/slipped", "survived"]),
        report("a".repeat(40), ["OK-01/before", "caught"], ["OK-01/twice", "caught"], ["OK-01/slipped", "caught"]),
      ],
    });
    expect(verdict).toMatchObject({
      result: "TESTED",
      reasons: ["5 of its 6 mutants were not run"],
      mutants: { all: 6, caught: 1 },
      earlier: [
        { commit: "a".repeat(40), caught: 1 },
        { commit: "b".repeat(40), caught: 1 },
      ],
    });
  });

  it("cannot be made of a register whose control cites nothing", () => {
    expect(() =>
      readControls(
        "controls: [{ id: XX-01, title: something or other, maps: [OWASP-MCP/MCP01], status: implemented, evidence: [] }]",
      ),
    ).toThrow(/evidence/);
  });

  const withDatabase: Evidence = {
    ...honest,
    controls: [{ ...control, evidence: [{ test: "a.test.ts", name: "group > works with %s" }, database] }],
    tests: [...honest.tests, { file: database.test, name: database.name, runs: true }],
  };

  it("calls a control not run while the whole suite of a cited test is missing", () => {
    expect(verdictsOf(withDatabase)[0]).toMatchObject({
      result: "NOT RUN",
      reasons: ["b.postgres.test.ts > rows > are kept: the suite postgres was not run"],
    });
  });

  it("calls it unproven when the suite ran without that file", () => {
    const other: RunFile = { file: "c.postgres.test.ts", failed: false, cases: [] };
    expect(verdictsOf({ ...withDatabase, files: [...honest.files, other] })[0]?.result).toBe("UNPROVEN");
  });

  it("reads a report of vitest", () => {
    const report: Report = {
      testResults: [
        {
          name: "/srv/mcpist/a.test.ts",
          status: "failed",
          assertionResults: [{ ancestorTitles: ["group", "inner"], title: "works", status: "passed" }],
        },
      ],
    };
    expect(filesOf(report, "/srv/mcpist/")).toEqual([
      { file: "a.test.ts", failed: true, cases: [{ name: "group > inner > works", status: "passed" }] },
    ]);
  });

  it("rests on every control that has to be there, with its status", () => {
    expect(readControls(readTracked("docs/security/controls.yaml")).map(pinOf)).toEqual(PINNED_CONTROLS);
  });
});

describe("a statement", () => {
  const made = statementOf({
    tree: "100644 0123 0\ta.ts\n",
    clean: true,
    tools: [{ name: "node", version: "24.21.0" }],
    run: { reports: ["ab"], last: "2026-11-29T12:00:00.000Z" },
    controls: verdictsOf({ ...honest, pinned: ["OK-01 implemented", "OK-02 implemented"] }),
    scans: [
      { name: "a", version: "1", result: "PASSED", inspected: 3, findings: [], flagged: ["x"], reason: null },
      { name: "b", version: null, result: "NOT RUN", inspected: 0, findings: [], flagged: [], reason: "not here" },
    ],
  });

  it("has the shape of in-toto and names the tree by its digest", () => {
    expect(made).toMatchObject({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ digest: { sha256: "627350905cb9dad48c2320f0a5b06760beb7c0e541bfa63f686c8aa0aa7dfa96" } }],
      predicate: { counts: { PROVEN: 1, TESTED: 0, UNPROVEN: 1, "NOT RUN": 0 } },
    });
  });

  const edit = (from: string, to: string): Statement => JSON.parse(JSON.stringify(made).replace(from, to)) as Statement;

  it.each([
    ["a verdict", edit('"UNPROVEN","reasons"', '"PROVEN","reasons"'), ["OK-02"]],
    ["a count", edit('"UNPROVEN":1', '"UNPROVEN":0'), ["counts"]],
    ["the number of cases", edit('"cases":2', '"cases":3'), ["OK-01"]],
    ["a control's name", edit('"id":"OK-02"', '"id":"OK-03"'), ["controls", "OK-03", "OK-02"]],
    ["a version", edit("24.21.0", "24.22.0"), ["tools"]],
    ["a scanner's result", edit('"NOT RUN","inspected"', '"PASSED","inspected"'), ["scans"]],
    ["the tree", edit("62735090", "00000000"), ["subject"]],
    ["the time", edit("T12", "T13"), ["run"]],
  ])("differs after an edit of %s", (_, edited, places) => {
    expect(differencesIn(edited, made, true)).toEqual(places);
  });

  it("differs in nothing from itself, nor by the time of another run", () => {
    expect(differencesIn(edit("", ""), made, true)).toEqual([]);
    expect(differencesIn(edit("T12", "T13"), made, false)).toEqual([]);
  });

  it("makes a badge that says how many, when and of what", () => {
    expect(badgeOf(made)).toEqual({
      schemaVersion: 1,
      label: "controls proven by tests",
      message: "1 of 2, 2026-11-29, tree 6273509",
      color: "red",
    });
  });

  it.each([
    ["green", 2, 0, true],
    ["yellow", 1, 1, true],
    ["red", 2, 0, false],
  ])("makes a badge that is %s by %i proven, %i tested, clean %s", (color, PROVEN, TESTED, clean) => {
    const { predicate } = made;
    const counts = { PROVEN, TESTED, UNPROVEN: 0, "NOT RUN": 0 };
    expect(badgeOf({ ...made, predicate: { ...predicate, counts, clean } })).toMatchObject({ color });
  });

  it("can be read", () => {
    const page = pageOf(made);
    expect(page).toContain("1 controls proven, 0 tested, 1 unproven, 0 not run");
    expect(page).toContain("| OK-01 | something that is really there | PROVEN | 1 | 2 | – |");
    expect(page).toContain("| b | – | NOT RUN | 0 | 0 | not here |");
    expect(page).toContain("- OK-02: OK-02 is no longer in controls.yaml");
  });
});
