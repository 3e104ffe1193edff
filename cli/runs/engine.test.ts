import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { McpistError } from "../errors.ts";
import { run } from "../program.ts";
import { testContext } from "../test/test-context.ts";
import { cdktnWords, stacksPlace } from "./engine.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mcpist-engine-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A project with these files. @returns where the stacks are, from `cwd` in it, with paths from the project's folder */
function place(files: readonly string[], cwd: string, file: string) {
  for (const path of ["package.json", `${cwd}/x`, ...files]) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), "");
  }
  const found = stacksPlace(join(folder, cwd), file, "production");
  return { cwd: found.cwd.slice(folder.length), config: found.config?.slice(folder.length) ?? null };
}

describe("the command line of cdktn", () => {
  it.each<[Record<string, string>, string]>([
    [{}, "cdktf.out"],
    [{ CDKTF_OUTDIR: "" }, "cdktf.out"],
    [{ CDKTF_OUTDIR: "elsewhere/out" }, "elsewhere/out"],
  ])("writes and reads where the stacks, the policy and drift do: %j", (env, outdir) => {
    expect(cdktnWords({ env }, ["diff", "production-base-edge", "--skip-synth"])).toEqual([
      "diff",
      "production-base-edge",
      "--skip-synth",
      "--output",
      outdir,
    ]);
  });
});

describe("where the stacks of a configuration are", () => {
  it.each<[string, readonly string[], string, string, ReturnType<typeof place>]>([
    [
      "the project, from a folder in it",
      ["cdktf.json", "mcpist.config.ts"],
      "deep/er",
      "mcpist.config.ts",
      { cwd: "", config: null },
    ],
    [
      "the project, with another file",
      ["cdktf.json", "mcpist.config.ts", "ops.config.ts"],
      ".",
      "ops.config.ts",
      { cwd: "", config: "/ops.config.ts" },
    ],
    [
      "the project above a file in a folder of its own",
      ["cdktf.json", "ops/mcpist.config.ts"],
      ".",
      "ops/mcpist.config.ts",
      { cwd: "", config: "/ops/mcpist.config.ts" },
    ],
    [
      "the file's own folder before one above",
      ["cdktf.json", "infra/cdktf.json", "infra/mcpist.config.ts"],
      ".",
      "infra/mcpist.config.ts",
      { cwd: "/infra", config: null },
    ],
    [
      "this folder before the one of a file above it",
      ["cdktf.json", "mcpist.config.ts", "infra/cdktf.json"],
      "infra",
      "mcpist.config.ts",
      { cwd: "/infra", config: "/mcpist.config.ts" },
    ],
    [
      "this folder where only a file above it is",
      ["mcpist.config.ts", "infra/cdktf.json"],
      "infra",
      "../mcpist.config.ts",
      { cwd: "/infra", config: "/mcpist.config.ts" },
    ],
    [
      "this folder where there is no file, as in a rehearsal",
      ["cdktf.json"],
      ".",
      "ops.config.ts",
      { cwd: "", config: null },
    ],
  ])("is %s", (_, files, cwd, file, expected) => {
    expect(place(files, cwd, file)).toEqual(expected);
  });
  it("leads out: makeProject", async () => {
    const hint = (): string => {
      try {
        return place(["mcpist.config.ts"], ".", "mcpist.config.ts").cwd;
      } catch (error) {
        return (error as McpistError).hint ?? "";
      }
    };
    const [, command = ""] = /^mcpist (.*?) {3}\(/.exec(hint()) ?? [];
    writeFileSync(join(folder, "package.json"), '{ "name": "mine", "type": "module" }');
    const context = testContext({ cwd: folder });
    expect(await run(command.split(" "), context), context.err()).toBe(0);
    expect(stacksPlace(folder, "mcpist.config.ts", "production").cwd).toBe(folder);
  });
});
