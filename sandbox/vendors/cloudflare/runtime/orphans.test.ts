import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { until } from "../test/emulator.ts";

const PARENT = fileURLToPath(new URL("../../../test/runtime-parent.ts", import.meta.url));
/** Elsewhere it lives on, and docs/sandbox.md says how to find it. */
const hasDeathSignal = spawnSync("setpriv", ["--pdeathsig", "KILL", "--", "true"]).status === 0;

/** Ended, whether or not somebody has taken note of it yet. */
const isGone = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return true;
  }
};

it.skipIf(!hasDeathSignal)("a runtime ends with its parent, even when the parent is killed", async () => {
  const parent = spawn(process.execPath, [PARENT], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: parent.stdout }), "line")) as [string];
  const pids = JSON.parse(line) as number[];
  expect(pids.map(isGone)).toContain(false);
  parent.kill("SIGKILL");
  await until(() => pids.every(isGone));
  expect(pids.map(isGone)).not.toContain(false);
});
