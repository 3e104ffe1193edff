import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const LAUNCHER = join(ROOT, "bin/mcpist.mjs");
const older = "Object.defineProperty(process.versions, 'node', { value: '20.20.2' })";
const preload = `data:text/javascript,${encodeURIComponent(older)}`;

it("the checkout's command says one sentence on a Node that cannot read TypeScript, and what brings the right one", async () => {
  const failed = await promisify(execFile)(process.execPath, ["--import", preload, LAUNCHER, "demo"]).catch(
    (error: unknown) => error,
  );
  expect(failed).toMatchObject({
    code: 2,
    stdout: "",
    stderr:
      "error: mcpist needs Node 22.18 or newer, and this is 20.20.2 (ERR_NODE)\n" +
      "hint:  npm ci --include=dev --ignore-scripts=false   (brings the right Node)\n",
  });
});

it("is what the scripts start", async () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  expect([scripts["demo"], scripts["mcpist"], scripts["db:migrate"]]).toEqual([
    "node bin/mcpist.mjs demo",
    "node bin/mcpist.mjs",
    "node bin/mcpist.mjs db migrate",
  ]);
  const { stdout } = await promisify(execFile)(process.execPath, [LAUNCHER, "secrets", "--help"]);
  expect(stdout).toContain("mcpist secrets");
});

it("is what npx takes in a checkout that nobody has built", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-npx "));
  const npx = promisify(execFile)("npx", ["mcpist", "sandbox", "--print-env", "--name", "none-of-that-name"], {
    cwd: join(ROOT, "examples"),
    env: { PATH: process.env["PATH"], HOME: folder, TMPDIR: folder, npm_config_offline: "true" },
  });
  expect(await npx.catch((error: unknown) => error)).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining(": npx mcpist sandbox --name none-of-that-name\n") as string,
  });
});

it("is found on a PATH with bin/, works where it is typed, and tells commands as they are typed there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-bin "));
  symlinkSync(join(ROOT, "bin/mcpist"), join(folder, "mcpist"));
  const failed = await promisify(execFile)("mcpist", ["sandbox", "--print-env", "--name", "none-of-that-name"], {
    cwd: join(ROOT, "examples/typescript"),
    env: { PATH: `${folder}:${process.env["PATH"] ?? ""}`, TMPDIR: folder },
  }).catch((error: unknown) => error);
  expect(failed).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining(": mcpist sandbox --name none-of-that-name\n") as string,
  });
});
