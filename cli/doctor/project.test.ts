import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isInRange } from "../peers.ts";
import { run } from "../program.ts";
import { workflowText } from "../runs/init-project.ts";
import { testContext } from "../test/test-context.ts";
import { checkWorkflows } from "./project.ts";

function projectWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-workflows-"));
  mkdirSync(join(folder, ".github/workflows"), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, ".github/workflows", name), text);
  return folder;
}

describe("workflows of a project", () => {
  const usual = workflowText("rotate", "production");
  it.each<[string, Readonly<Record<string, string>>, readonly (readonly [string, string])[]]>([
    ["as this version writes them", { "rotate.yml": usual }, [["rotate", "ok"]]],
    [
      "of an older version that are the same",
      { "rotate.yml": usual.replace(/mcpist \S+\n/, "mcpist 0.0.1\n") },
      [["rotate", "ok"]],
    ],
    ["changed by hand", { "rotate.yml": `${usual}# mine\n` }, [["rotate", "ok"]]],
    [
      "of an older version that differ",
      { "rotate.yml": usual.replace(/mcpist \S+\n/, "mcpist 0.0.1\n").replace("75", "60") },
      [["rotate", "missing"]],
    ],
    ["under a name of their own", { "rotate.yml": "name: mine\n", "mcpist-rotate.yml": usual }, [["rotate", "ok"]]],
    ["of somebody else", { "deploy.yml": "name: mine\n" }, []],
  ])("%s", (_, files, outcomes) => {
    const found = checkWorkflows(projectWith(files), "production").map(({ what, outcome }) => [what, outcome]);
    expect(found).toEqual(outcomes);
  });
});

it("leads out: renewFiles", async () => {
  const older = workflowText("rotate", "staging")
    .replace(/mcpist \S+\n/, "mcpist 0.0.1\n")
    .replace("75", "60");
  const folder = projectWith({ "rotate.yml": older });
  writeFileSync(join(folder, "package.json"), '{ "name": "mine", "type": "module" }');
  const [found] = checkWorkflows(folder, "staging");
  const [, command = ""] = /^mcpist (.*?) {3}\(/.exec(found?.next ?? "") ?? [];
  const context = testContext({ cwd: folder });
  expect(await run(command.split(" "), context), context.err()).toBe(0);
  const looked = checkWorkflows(folder, "staging").map(({ outcome }) => outcome);
  expect([looked.length > 0, new Set(looked)]).toEqual([true, new Set(["ok"])]);
});

describe("a package beside this one", () => {
  it.each([
    ["4.20260730.0", "4.20260730.0", true],
    ["4.20261023.1", "4.20260730.0", true],
    ["4.20250101.0", "4.20260730.0", false],
    ["5.0.0", "4.20260730.0", false],
    ["0.21.5", "0.21.0", true],
    ["0.22.0", "0.21.0", false],
    ["0.0.4", "0.0.3", false],
    ["10.7.2-beta.1", "10.7.2", true],
  ])("of version %s is as tested with %s: %s", (version, tested, fits) => {
    expect(isInRange(version, tested)).toBe(fits);
  });
});
