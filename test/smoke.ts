/**
 * Packs the tool, installs the tarball into an empty folder and runs commands that load application code. Needs a registry.
 * MCPIST_TARBALL names a tarball that is already there.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "mcpist-smoke-"));
const run = (command: string, args: readonly string[], cwd: string) => {
  const env = { ...process.env, GH_TOKEN: "", GITHUB_TOKEN: "", MCPIST_ENV: "", MCPIST_SANDBOX: "", NO_COLOR: "1" };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: "utf8" });
  return { status, text: stdout + stderr };
};
/** @returns path of the tarball, or what npm said. */
const pack = (): string => {
  const { text } = run("npm", ["pack", "--pack-destination", folder], process.cwd());
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  return tarball === undefined ? text : join(folder, tarball);
};
let failed = 0;
const check = (what: string, good: boolean, text: string) => {
  process.stdout.write(`${good ? "ok  " : "FAIL"} ${what}\n${good ? "" : `${text}\n`}`);
  if (!good) failed++;
};
try {
  const tarball = process.env["MCPIST_TARBALL"] || pack();
  check("there is a tarball", existsSync(tarball), tarball);
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  const installed = run("npm", ["install", "--no-audit", "--no-fund", "--omit=dev", tarball], folder);
  check("the tarball installs into an empty folder", installed.status === 0, installed.text);
  const mcpist = join(folder, "node_modules", ".bin", "mcpist");
  const version = run(mcpist, ["--version"], folder);
  check(
    "mcpist --version names a version",
    version.status === 0 && /^\d+\.\d+\.\d+\s*$/.test(version.text),
    version.text,
  );
  const rotate = run(mcpist, ["secrets", "rotate", "--env", "production"], folder);
  check(
    "mcpist secrets rotate says what is missing and exits 2",
    rotate.status === 2 && rotate.text.includes("mcpist.config.ts"),
    rotate.text,
  );
  const demo = run(mcpist, ["demo"], folder);
  check(
    "mcpist demo says what it needs and exits 2",
    demo.status === 2 && /ERR_PEER_MISSING\)\nhint: +npm install --save-dev miniflare@/.test(demo.text),
    demo.text,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
