/** Runs one client's driver as a process of its own and reads what it says. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { execa } from "execa";
import type { Outcome, Task } from "./task.ts";
import { type ClientVersion, folderOf, stepsOf } from "./versions.ts";

const DRIVERS = join(import.meta.dirname, "drivers");
/** Longest run of one client. Unit: milliseconds. */
const TIMEOUT_MS = 300_000;
/** Of the end of stderr, in the outcome of a step that a driver did not live to report. Unit: characters. */
const LAST_WORDS = 600;

/** Runs a client. @returns an outcome for every step, also for those that its process did not live to report. */
export async function runClient(
  client: ClientVersion,
  task: Omit<Task, "folder" | "home" | "steps">,
): Promise<readonly Outcome[]> {
  const folder = folderOf(client);
  const home = await mkdtemp(join(tmpdir(), "mcpist-client-"));
  const steps = stepsOf(client, task.presentation);
  const interpreter = client.registry === "pypi" ? join(folder, "bin", "python") : process.execPath;
  try {
    const { stdout, stderr, failed } = await execa(interpreter, [join(DRIVERS, client.driver)], {
      input: JSON.stringify({ ...task, folder, home, steps } satisfies Task),
      env: { PATH: "/usr/bin:/bin", HOME: home, NO_COLOR: "1", PYTHONDONTWRITEBYTECODE: "1" },
      extendEnv: false,
      reject: false,
      verbose: "none",
      timeout: TIMEOUT_MS,
      forceKillAfterDelay: 2000,
    });
    const said = stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Outcome);
    const lost = `the driver ended${failed ? " badly" : ""} before this step: ${stderr.slice(-LAST_WORDS)}`;
    return steps.map((step) => said.find((outcome) => outcome.step === step) ?? { step, ok: false, detail: lost });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
