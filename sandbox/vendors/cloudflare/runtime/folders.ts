/**
 * Where the runtimes of this process write. One folder for all of it, named after the process, so that the next sandbox can tell what a
 * killed one left behind, and takes it away.
 */
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PREFIX = "mcpist-run-";
const NAMED = /^mcpist-run-([\da-f]{8}-\d+)-(\d+)-\w+$/;

/**
 * Process ids mean something among those who share them: containers and machines may share a folder and not their processes. The number
 * of a namespace is the same on many machines, the id of a start of the machine on none. Null where the system does not say.
 */
function home(): string | null {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8);
    const space = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0];
    return space === undefined ? null : `${boot}-${space}`;
  } catch {
    return null;
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Removes folders of this user whose process is gone. What cannot be looked at or removed stays: it is litter, no fault. */
export function sweepFolders(parent = tmpdir(), here = home()): void {
  if (here === null) return;
  for (const name of readdirSync(parent)) {
    const [, where, pid] = NAMED.exec(name) ?? [];
    if (pid === undefined || where !== here || isRunning(Number(pid))) continue;
    const folder = join(parent, name);
    try {
      const found = lstatSync(folder);
      if (found.isDirectory() && found.uid === process.getuid?.()) rmSync(folder, { recursive: true, force: true });
    } catch {
      continue;
    }
  }
}

let own: string | null = null;
let users = 0;
/** What goes with the process: a runtime removes what is its own a moment after it said that it ended. */
const made = new Set<string>();
process.once("exit", () => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** Where a runtime may write until it calls what is returned. The first one of a process removes what killed processes left. */
export function runtimeFolder(): { readonly folder: string; readonly leave: () => void } {
  if (own === null) {
    sweepFolders();
    own = mkdtempSync(join(tmpdir(), `${PREFIX}${home() ?? "0"}-${process.pid}-`));
    made.add(own);
  }
  const folder = own;
  users++;
  let left = false;
  return {
    folder,
    leave() {
      if (left) return;
      left = true;
      users--;
      if (users > 0) return;
      own = null;
      try {
        rmdirSync(folder);
        made.delete(folder);
      } catch {
        // Something in it is still being removed: it goes with the process.
      }
    },
  };
}

/** Makes something that asks for the folder of temporary files, and takes no other answer. */
export function within<T>(folder: string, make: () => T): T {
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = folder;
  try {
    return make();
  } finally {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  }
}
