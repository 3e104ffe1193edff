import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { judge, RULES } from "./workflow-policy.ts";
import { readWorkflow } from "./workflow.ts";

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const REAL = folder("../../.github/workflows/");
const BAD = folder("./known-bad/workflows/");
const files = (path: string): string[] => readdirSync(path).filter((name) => /\.ya?ml$/.test(name));
const read = (path: string) => readWorkflow(readFileSync(path, "utf8"));

describe("workflow policy", () => {
  it("has workflows to judge, the five that the protocol needs among them", () => {
    expect(files(REAL)).toEqual(
      expect.arrayContaining(["ci.yml", "deploy.yml", "drift.yml", "restore.yml", "rotate.yml"]),
    );
  });

  it.each(files(REAL))("finds nothing in %s", (name) => {
    expect(judge(read(REAL + name))).toEqual([]);
  });

  it("has one known-bad workflow per rule", () => {
    expect(files(BAD).map((name) => basename(name, ".yml"))).toEqual(Object.keys(RULES).toSorted());
  });

  it.each(Object.keys(RULES))("flags a workflow that breaks %s, and by that name alone", (rule) => {
    const rules = judge(read(`${BAD}${rule}.yml`)).map((finding) => finding.rule);
    expect(new Set(rules)).toEqual(new Set([rule]));
  });

  it("does not call a file judged that has no jobs", () => {
    expect(() => readWorkflow("on: push\n")).toThrow(TypeError);
  });
});
