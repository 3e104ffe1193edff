import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PROGRAMS } from "./programs.ts";
import { withTable } from "../markdown.ts";
import { outcomeOf, type Result, tableOf } from "./results.ts";
import { PAGE, RESULTS } from "./write-table.ts";

const page = readFileSync(PAGE, "utf8");
const results = JSON.parse(readFileSync(RESULTS, "utf8")) as readonly Result[];

describe("the table of the vendors' programs", () => {
  it("is what the last run of them saw", () => {
    expect(withTable(page, "programs", tableOf(results))).toBe(page);
  });

  it("has every program, and every command of those that were there", () => {
    const names = { repository: "", environment: "", worker: "", versionId: "", namespace: "", flyApp: "" };
    const more = { machine: "", koyebSecret: "", service: "", koyebApp: "" };
    const tried = PROGRAMS.map(({ name, commands }) => [name, commands({ ...names, ...more }).map((c) => c.name)]);
    const seen = results.map(({ program, version, commands }) => {
      const all = tried.find(([name]) => name === program)?.[1];
      return [program, version === null ? all : commands.map(({ name }) => name)];
    });
    expect(seen).toEqual(tried);
  });

  it("has no program that breaks", () => {
    const broken = results.flatMap(({ program, commands }) =>
      commands.filter(({ outcome }) => outcome === "broken").map(({ name }) => `${program} ${name}`),
    );
    expect(broken).toEqual([]);
  });

  it("says NOT RUN of a program that was not there", () => {
    const commands = [{ name: "x y", outcome: "works" }] as const;
    const table = tableOf([
      { program: "a", version: "1.2", commands },
      { program: "b", version: null, commands: [] },
    ]);
    expect(table).toBe("| program | works |\n|---|---|\n| a 1.2 | `x y` |\n| b | NOT RUN: it is not installed |");
  });
});

it.each([
  [{ exitCode: 0, text: "", unknown: 0 }, "works"],
  [{ exitCode: 0, text: "", unknown: 1 }, "partly"],
  [{ exitCode: 1, text: "Error: not imitated", unknown: 1 }, "refused"],
  [{ exitCode: 1, text: "no complete releases", unknown: 0 }, "own"],
  [{ exitCode: 0, text: "panic: runtime error", unknown: 1 }, "broken"],
  [{ exitCode: 1, text: "TypeError: x is undefined", unknown: 0 }, "broken"],
  [{ exitCode: undefined, text: "", unknown: 0 }, "broken"],
] as const)("%o is told as %s", (seen, outcome) => {
  expect(outcomeOf(seen)).toBe(outcome);
});
