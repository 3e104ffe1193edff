import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { EXAMPLE, STUB_WORKER } from "./test/synthesis.ts";

const MAIN = join(import.meta.dirname, "main.ts");
const CHECK = join(import.meta.dirname, "check.ts");

/** A folder like a checkout's root: a configuration and a bundled Worker. */
function project(environment: unknown = EXAMPLE): string {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-project-"));
  writeFileSync(
    join(folder, "mcpist.config.ts"),
    `export default ${JSON.stringify({ environments: { production: environment } })};\n`,
  );
  writeFileSync(join(folder, "worker.js"), STUB_WORKER);
  return folder;
}

function run(
  script: string,
  folder: string,
  variables: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
) {
  const env = { PATH: process.env["PATH"] ?? "", MCPIST_WORKER_BUNDLE: "worker.js", ...variables };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

/** A project with what one run of main.ts wrote. */
let written = "";
let first: ReturnType<typeof run>;
beforeAll(() => {
  written = project();
  first = run(MAIN, written);
});
function synthesized(): string {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-project-"));
  cpSync(written, folder, { recursive: true });
  return folder;
}

describe("node stacks/main.ts", () => {
  it("writes every stack without a word, and the policy accepts them", () => {
    const folder = synthesized();
    expect(first).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(readdirSync(join(folder, "cdktf.out/stacks"))).toHaveLength(6);
    expect(run(CHECK, folder)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^policy: \d+ rules, 6 documents, 0 violations\n$/),
    });
  });

  it("needs neither terraform nor anything else in PATH", () => {
    const variables = { PATH: "", TERRAFORM_BINARY_NAME: "/nowhere/terraform" };
    expect(run(MAIN, project(), variables)).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  it.each<[string, unknown, Record<string, string>, RegExp]>([
    [
      "a wrong account id",
      { ...EXAMPLE, cloudflare: { ...EXAMPLE.cloudflare, accountId: "acme" } },
      {},
      /^error: mcpist\.config\.ts: environments\.production\.cloudflare\.accountId: it .*32 lower-case hex characters.* \(ERR_CONFIG\)\n$/,
    ],
    ["a missing field", { ...EXAMPLE, auth: {} }, {}, /environments\.production\.auth\.issuer/],
    [
      "an unknown environment",
      EXAMPLE,
      { MCPIST_ENV: "staging" },
      /there is no "staging"; MCPIST_ENV may name one of: production/,
    ],
    [
      "a missing bundle",
      EXAMPLE,
      { MCPIST_WORKER_BUNDLE: "missing.js" },
      /^error: MCPIST_WORKER_BUNDLE: there is no such file/,
    ],
    [
      "a folder without a Worker",
      EXAMPLE,
      { MCPIST_WORKER_BUNDLE: "" },
      /^error: worker\/index\.ts: not found in this folder/,
    ],
  ])("refuses %s with exit code 2 and writes nothing", (_case, environment, variables, message) => {
    const folder = project(environment);
    const { status, stdout, stderr } = run(MAIN, folder, variables);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(existsSync(join(folder, "cdktf.out"))).toBe(false);
  });
});

describe("the policy in node stacks/main.ts", () => {
  const value = "fedcba9876543210".repeat(4);
  const leaking = { ...EXAMPLE, auth: { ...EXAMPLE.auth, issuer: `https://id.example.com/${value}` } };

  it("takes back what it refuses, names rule and place and not the value, and exits with 1", () => {
    const folder = project(leaking);
    const { status, stdout, stderr } = run(MAIN, folder);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/cdk\.tf\.json\n {2}no-secret-value: .*bindings.*: looks like 64 hex characters/);
    expect(stderr).toMatch(/\nerror: the policy refuses .* \(ERR_POLICY\)\n$/);
    expect(stderr).not.toContain(value);
    expect(existsSync(join(folder, "cdktf.out/manifest.json"))).toBe(false);
    const left = readdirSync(join(folder, "cdktf.out"), { recursive: true, encoding: "utf8" });
    expect(left.filter((name) => name.endsWith(".tf.json"))).toEqual([]);
  });

  it("leaves nothing of an earlier synthesis to deploy instead", () => {
    const folder = synthesized();
    writeFileSync(
      join(folder, "mcpist.config.ts"),
      `export default ${JSON.stringify({ environments: { production: leaking } })};\n`,
    );
    expect(run(MAIN, folder).status).toBe(1);
    expect(run(CHECK, folder)).toMatchObject({ status: 2, stderr: expect.stringMatching(/nothing to check/) });
  });

  it.each(["override.tf.json", "more.tf", "more.tofu"])(
    "refuses %s beside the synthesis, which an engine would merge into it",
    (name) => {
      const folder = synthesized();
      writeFileSync(join(folder, "cdktf.out/stacks/production-base-edge", name), "{}");
      expect(run(CHECK, folder)).toMatchObject({ status: 1, stderr: expect.stringContaining(name) });
      expect(run(MAIN, folder)).toMatchObject({ status: 1, stderr: expect.stringContaining(name) });
    },
  );
});

describe("node stacks/check.ts", () => {
  it("refuses a plan with a secret in it, names the place and not the value", () => {
    const folder = project();
    const value = "fedcba9876543210".repeat(4);
    const resource = {
      address: "fly_machine.a",
      mode: "managed",
      type: "fly_machine",
      values: { image: "a:1", env: { OTHER: value } },
    };
    writeFileSync(
      join(folder, "plan.json"),
      JSON.stringify({ format_version: "1.2", planned_values: { root_module: { resources: [resource] } } }),
    );
    const { status, stdout, stderr } = run(CHECK, folder, {}, ["plan.json"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^plan\.json\n {2}no-secret-value: .*env\.OTHER: looks like 64 hex characters/);
    expect(stdout).toMatch(/1 documents, [1-9]\d* violations/);
    expect(stdout + stderr).not.toContain(value);
  });

  it.each([
    ["nothing synthesized", [], /nothing to check in cdktf\.out/],
    ["a file that is not there", ["missing.json"], /^error: missing\.json cannot be read/],
    ["a file that is something else", ["worker.js"], /^error: worker\.js is not JSON/],
  ])("says exit code 2 for %s", (_case, args, message) => {
    const { status, stderr } = run(CHECK, project(), {}, args);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });
});
