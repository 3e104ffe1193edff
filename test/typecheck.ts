/** Type-checks every part of the house against its own runtime's types. Two at a time: each compiler is itself parallel. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const projects = [
  "contract",
  "worker",
  "worker/tsconfig.test.json",
  "origin",
  "sandbox",
  "cli",
  "stacks",
  "package",
  "test",
].filter((path) => existsSync(path.endsWith(".json") ? path : `${path}/tsconfig.json`));
let failed = 0;
for (const project of projects) {
  const { status } = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", project], {
    stdio: "inherit",
  });
  process.stdout.write(`${status === 0 ? "ok  " : "FAIL"} tsc -p ${project}\n`);
  if (status !== 0) failed++;
}
process.exitCode = failed === 0 ? 0 : 1;
