import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EXAMPLE, STUB_WORKER } from "./test/synthesis.ts";

/** Notes what it was asked, and plans nothing. */
const ENGINE = `#!/bin/sh
echo "$*" >> "$ASKED"
[ "$1" != plan ] || { touch drift.tfplan; exit 1; }
`;
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mcpist-drift-"));
  const config = { environments: { production: EXAMPLE } };
  writeFileSync(join(folder, "mcpist.config.ts"), `export default ${JSON.stringify(config)};\n`);
  writeFileSync(join(folder, "worker.js"), STUB_WORKER);
  writeFileSync(join(folder, "engine"), ENGINE);
  chmodSync(join(folder, "engine"), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function drift(outdir: string, ...args: readonly string[]) {
  const env = {
    PATH: process.env["PATH"] ?? "",
    ASKED: join(folder, "asked"),
    CDKTF_OUTDIR: outdir,
    MCPIST_WORKER_BUNDLE: "worker.js",
    TERRAFORM_BINARY_NAME: join(folder, "engine"),
  };
  const script = join(import.meta.dirname, "drift.ts");
  return spawnSync(process.execPath, [script, ...args], { cwd: folder, env, encoding: "utf8" });
}

describe("node stacks/drift.ts", () => {
  it("says in one line, and in one object, why it cannot have its turn", () => {
    const said = /^error: .*ENOTDIR.*\n$/;
    expect(drift("worker.js/out")).toMatchObject({ status: 1, stdout: "", stderr: expect.stringMatching(said) });
    const { status, stdout, stderr } = drift("worker.js/out", "--json");
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(said) });
    expect(JSON.parse(stdout)).toEqual({ stacks: [], secrets: null });
  });

  it("leaves no plan behind, nor one of a check that was killed", () => {
    const left = join(folder, "out/stacks/production-base-edge/drift.tfplan");
    mkdirSync(join(left, ".."), { recursive: true });
    writeFileSync(left, "of one that was killed");
    expect(drift("out").stdout).toMatch(/^production-base-edge +failed$/m);
    const plans = readFileSync(join(folder, "asked"), "utf8").match(/^plan .*$/gm);
    expect(plans).toHaveLength(6);
    expect(new Set(plans?.map((plan) => / -out=(.*)$/.exec(plan)?.[1]))).toEqual(new Set(["drift.tfplan"]));
    expect(existsSync(left)).toBe(false);
  });
});
