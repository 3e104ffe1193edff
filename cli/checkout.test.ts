import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { readFileSync } from "node:fs";

const ROOT = join(import.meta.dirname, "..");
const LAUNCHER = join(import.meta.dirname, "checkout.mjs");
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
    "node cli/checkout.mjs demo",
    "node cli/checkout.mjs",
    "node cli/checkout.mjs db migrate",
  ]);
  const { stdout } = await promisify(execFile)(process.execPath, [LAUNCHER, "secrets", "--help"]);
  expect(stdout).toContain("mcpist secrets");
});
