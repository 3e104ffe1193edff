import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { judge, RULES } from "./workflow-policy.ts";
import { readWorkflow } from "./workflow.ts";

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const REAL = folder("../../.github/workflows/");
/** What `mcpist init` writes. */
const PROJECT = folder("../../package/templates/workflows/");
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

  it.each(files(PROJECT))("finds nothing in %s of a project", (name) => {
    expect(judge(read(PROJECT + name))).toEqual([]);
  });

  it("has one known-bad workflow per rule", () => {
    expect(files(BAD).map((name) => basename(name, ".yml"))).toEqual(Object.keys(RULES).toSorted());
  });

  it.each(Object.keys(RULES))("flags a workflow that breaks %s, and by that name alone", (rule) => {
    const rules = judge(read(`${BAD}${rule}.yml`)).map((finding) => finding.rule);
    expect(new Set(rules)).toEqual(new Set([rule]));
  });

  it.each([
    "npm run --silent mcpist -- secrets verify",
    "npx --no-install mcpist secrets verify",
    "npm run demo",
    "node cli/main.ts secrets verify",
    "exec node cli/main.ts secrets verify | tee verify.json",
    "exec node cli/main.ts secrets verify && echo fine",
    "exec node cli/main.ts secrets verify &",
    "echo first; exec node cli/main.ts secrets verify",
  ])("flags a step that does not hand its signals to the tool: %s", (run) => {
    const bad = readFileSync(`${BAD}the-tool-is-the-step.yml`, "utf8").replace(
      /run: npm run --silent .*/,
      `run: ${run}`,
    );
    expect(judge(readWorkflow(bad)).map(({ rule }) => rule)).toContain("the-tool-is-the-step");
  });

  it("lets a person name a dead run, and keeps an emergency waiting behind nobody", () => {
    for (const [name, command] of [
      ["rotate.yml", 'exec node cli/main.ts secrets "$@" --json'],
      ["restore.yml", 'exec node cli/main.ts secrets restore --json "$@"'],
    ] as const) {
      const { jobs, node } = read(REAL + name);
      expect(node).toMatchObject({
        on: { workflow_dispatch: { inputs: { dead_run: { type: "string", default: "" } } } },
      });
      const step = jobs[0]?.steps.at(-1);
      expect(step?.env["DEAD_RUN"]).toBe("${{ inputs.dead_run }}");
      expect(step?.run).toMatch(/if \[ -n "\$DEAD_RUN" \]; then set -- .*--steal-lock="\$DEAD_RUN" --yes/);
      expect(step?.run?.trimEnd().split("\n").at(-1)).toBe(command);
    }
    const { group } = read(`${REAL}rotate.yml`).node["concurrency"] as { group: string };
    expect(group).toBe(
      "mcpist-rotation-${{ inputs.environment }}${{ startsWith(inputs.mode, 'emergency-') && '/emergency' || '' }}",
    );
  });

  it("does not call a file judged that has no jobs", () => {
    expect(() => readWorkflow("on: push\n")).toThrow(TypeError);
  });
});
