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

/** The kernel's part. */
interface Kernel {
  readonly list: (uid: number) => readonly number[];
  readonly kill: (pid: number) => void;
}
const KERNEL: Kernel = { list: processesOf, kill: (pid) => void process.kill(pid, "SIGKILL") };

/** Ends whatever runs under this id. Never throws: what may not be ended, or is no Linux, stays. */
export function endProcessesOf(uid: number, { list, kill }: Kernel = KERNEL): void {
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const found = list(uid);
      if (found.length === 0) return;
      for (const pid of found) tryToKill(pid, kill);
    }
  } catch {
    // No /proc.
  }
}

function tryToKill(pid: number, kill: Kernel["kill"]): void {
  try {
    kill(pid);
  } catch {
    // Gone meanwhile, or not ours to end; the others are ended all the same.
  }
}
