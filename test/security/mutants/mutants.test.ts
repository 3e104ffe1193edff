import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Control, readControls } from "../controls.ts";
import { readTracked, ROOT } from "../repository.ts";
import type { RunFile } from "../verdicts.ts";
import { controlOf, type Mutant, mutantFaults, mutated, partOf, staleness } from "./mutant.ts";
import { judge, unfit } from "./report.ts";
import { MUTANTS } from "./table.ts";

const controls = readControls(readTracked("docs/security/controls.yaml"));

describe("the mutants of this repository", () => {
  it("apply: each text stands once in its file", () => {
    const stale = MUTANTS.flatMap((mutant) => {
      const text = existsSync(join(ROOT, mutant.file)) ? readTracked(mutant.file) : null;
      const why = staleness(mutant, text);
      return why === null ? [] : [`${mutant.id}: ${why}`];
    });
    expect(stale).toEqual([]);
  });

  it("are of controls that there are, each with a name of its own", () => {
    const ids = new Set(controls.map(({ id }) => id));
    expect(MUTANTS.filter((mutant) => !ids.has(controlOf(mutant)))).toEqual([]);
    expect(new Set(MUTANTS.map(({ id }) => id)).size).toBe(MUTANTS.length);
    // Whoever has mutants is critical; the one exception is half a control of the parsers of Node and workerd.
    const critical = new Set(controls.flatMap((entry) => (entry.critical === true ? [entry.id] : [])));
    expect(new Set(MUTANTS.map(controlOf).filter((id) => !critical.has(id)))).toEqual(new Set(["HTTP-01"]));
  });

  it("leave no test of a critical control that catches none", () => {
    expect(controls.flatMap((control) => mutantFaults(control, MUTANTS))).toEqual([]);
  });
});

const mutant: Mutant = { id: "XX-01/gone", breaks: "it", file: "a.ts", from: "yes", to: "no", caughtBy: ["a > b"] };
const control: Control = {
  id: "XX-01",
  title: "something that is there",
  maps: [],
  status: "implemented",
  critical: true,
  evidence: [
    { test: "a.test.ts", name: "a > b" },
    { test: "b.clients.test.ts", name: "c > d" },
  ],
};

describe("the parts", () => {
  it("are four, have every control once, and all mutants of it", () => {
    const parts = [1, 2, 3, 4].map((part) => partOf(part, MUTANTS));
    expect(
      parts
        .flat()
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(MUTANTS.map(({ id }) => id).toSorted());
    const controlsOf = parts.map((part) => [...new Set(part.map(controlOf))]);
    expect(new Set(controlsOf.flat()).size).toBe(controlsOf.flat().length);
    for (const own of controlsOf) expect(own.length).toBeGreaterThan(10);
    expect([0, 5].map((part) => partOf(part, MUTANTS))).toEqual([[], []]);
  });
});

describe("a mutant", () => {
  it.each([
    ["stands in its file", "a yes b", null],
    ["is gone", "a b", "a.ts has its text 0 times"],
    ["stands there twice", "yes, yes", "a.ts has its text 2 times"],
    ["had its file taken away", null, "a.ts is gone"],
  ])("whose text %s", (_, text, why) => {
    if (why === null) expect(staleness(mutant, text)).toBeNull();
    else expect(staleness(mutant, text)).toContain(why);
  });

  it("is put in as it is written, whatever it looks like", () => {
    expect(mutated({ ...mutant, to: "$& $1 $$" }, "a yes b")).toBe("a $& $1 $$ b");
  });

  it.each<[string, Control, readonly Mutant[], readonly string[]]>([
    ["nothing where every test catches one", control, [mutant], []],
    ["a critical control without one", control, [], ["XX-01 is critical, and no mutant breaks it"]],
    ["nothing where it is not critical", { ...control, critical: undefined }, [], []],
    [
      "a control that cites another test",
      { ...control, evidence: [{ test: "a.test.ts", name: "a > other" }] },
      [mutant],
      [
        "XX-01/gone is caught by a test that XX-01 does not cite: a > b",
        "no mutant of XX-01 is caught by a test that it cites: a > other",
      ],
    ],
    [
      "a control that cites one test more",
      {
        ...control,
        evidence: [
          { test: "a.test.ts", name: "a > b" },
          { test: "z.test.ts", name: "unrelated" },
        ],
      },
      [mutant],
      ["no mutant of XX-01 is caught by a test that it cites: unrelated"],
    ],
    [
      "a mutant that nobody has to catch",
      { ...control, critical: undefined },
      [{ ...mutant, caughtBy: [] }],
      ["XX-01/gone names no test that catches it"],
    ],
  ])("finds fault with %s", (_, broken, mutants, faults) => {
    expect(mutantFaults(broken, mutants)).toEqual(faults);
  });
});

describe("a run with a mutant", () => {
  const cited = { test: "a.test.ts", name: "a > b %s" };
  const ran = (...cases: readonly (readonly [string, string])[]): readonly RunFile[] => [
    { file: "a.test.ts", failed: false, cases: cases.map(([name, status]) => ({ name, status })) },
  ];

  it.each([
    ["is caught by one red case", ran(["a > b 1", "passed"], ["a > b 2", "failed"]), "caught"],
    ["survives green ones", ran(["a > b 1", "passed"], ["a > b 2", "passed"]), "survived"],
    ["survives the red one of another test", ran(["a > b 1", "passed"], ["a > c", "failed"]), "survived"],
    ["is not judged by a file that could not be loaded", ran(), "broken"],
    ["is not judged by tests that did not run", ran(["a > b 1", "skipped"]), "broken"],
    ["is not judged where there is no report", [], "broken"],
  ])("%s", (_, files, fate) => {
    expect(judge("XX-01/gone", [cited], files).fate).toBe(fate);
  });

  it.each([
    ["green", ran(["a > b 1", "passed"]), []],
    ["red", ran(["a > b 1", "passed"], ["a > b 2", "failed"]), [cited]],
    ["not there", ran(["a > other", "passed"]), [cited]],
  ])("needs its tests on the sound tree: %s", (_, files, found) => {
    expect(unfit([cited], files)).toEqual(found);
  });
});
