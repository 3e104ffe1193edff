/** A folder of a server's own, for HOME and temporary files: closed to everybody else, the origin too where the server has a user of its own. */
import { execFile, spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, rmdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { SpawnPlan } from "./separation.ts";

/** Runs one short program as the server's user. */
function asUser({ asUser: words }: SpawnPlan, command: readonly string[]): boolean {
  const [file = "", ...args] = [...(words ?? []), ...command];
  return (
    spawnSync(file, args, { stdio: "ignore", env: { PATH: "/usr/bin:/bin" }, cwd: "/", timeout: 10_000 }).status === 0
  );
}

/** Makes it. @throws when the server's user may not have one in the system's folder for temporary files. */
export function makeFolder(name: string, plan: SpawnPlan): string {
  const folder = mkdtempSync(join(tmpdir(), `mcpist-${name}-`));
  if (plan.uid === null) return folder;
  try {
    chownSync(folder, plan.uid, plan.uid);
    return folder;
  } catch {
    // The image's origin may change ids and give nothing away: the user makes its own.
    rmdirSync(folder);
  }
  if (!asUser(plan, ["mkdir", "-m", "0700", folder])) throw new Error("no folder for a server");
  return folder;
}

/** Removes it, however much there is in it. What cannot be removed stays until the instance is gone. */
export async function removeFolder(folder: string, plan: SpawnPlan): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch {
    const [file, ...args] = [...(plan.asUser ?? []), "rm", "-rf", "--", folder];
    await promisify(execFile)(file ?? "", args, { env: { PATH: "/usr/bin:/bin" }, cwd: "/", timeout: 10_000 }).catch(
      () => {},
    );
  }
}
