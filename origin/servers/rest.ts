/** What a server leaves behind: programs that left its process group are found by their user id, which nobody else has. */
import { readdirSync, statSync } from "node:fs";

/** Something that starts itself anew while it is ended is looked for so often. */
const ROUNDS = 5;

/** Processes of a user by the kernel's own list. */
function processesOf(uid: number): readonly number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return statSync(`/proc/${name}`).uid === uid ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** Ends whatever runs under this id. Never throws: what may not be ended, or is no Linux, stays. */
export function endProcessesOf(uid: number): void {
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const found = processesOf(uid);
      if (found.length === 0) return;
      for (const pid of found) process.kill(pid, "SIGKILL");
    }
  } catch {
    // Gone meanwhile, or no /proc.
  }
}
