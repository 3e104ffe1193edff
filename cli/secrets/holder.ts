/**
 * Which process holds the lock, as far as another process of the same machine can prove that it is gone. Only Linux tells enough: a boot
 * has an id, a namespace of process ids has one, and a process has the time at which it started. Anything less proves nothing.
 */
import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";

/** A process, in the journal. Says nothing about the machine to anybody else. */
export interface Holder {
  /** Digest of boot, host and namespace of process ids: 16 hex characters. */
  readonly machine: string;
  readonly pid: number;
  /** When it started, in ticks since the boot: process ids are used again. */
  readonly started: string;
}

/** The processes of this machine. */
export interface Processes {
  /** This process; null where nothing could be proven later. */
  self(): Holder | null;
  /** True when it is certain that the process exists no more. */
  isGone(holder: Holder): boolean;
}

/** What is asked of the machine. */
export interface Machine {
  readonly pid: number;
  readonly read: (path: string) => string;
  readonly link: (path: string) => string;
  /** @throws with code ESRCH when there is no such process, EPERM when it is somebody else's. */
  readonly signal: (pid: number) => void;
}

/** This one. */
export const THIS_MACHINE: Machine = {
  pid: process.pid,
  read: (path) => readFileSync(path, "utf8"),
  link: (path) => readlinkSync(path),
  signal: (pid) => void process.kill(pid, 0),
};

/** State and start of a process, by proc(5): what follows the name, which may hold anything. Null where it cannot be read. */
function statOf({ read }: Machine, pid: number): { readonly state: string; readonly started: string } | null {
  try {
    const text = read(`/proc/${pid}/stat`);
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state = "", started = ""] = [fields[0], fields[19]];
    return /^\d+$/.test(started) ? { state, started } : null;
  } catch {
    return null;
  }
}

function machineId({ read, link }: Machine): string | null {
  try {
    const parts = ["/proc/sys/kernel/random/boot_id", "/proc/sys/kernel/hostname"].map((path) => read(path).trim());
    return createHash("sha256")
      .update(["mcpist/machine", ...parts, link("/proc/self/ns/pid")].join("\n"))
      .digest("hex")
      .slice(0, 16);
  } catch {
    return null;
  }
}

/** Has ended, and only its parent has not asked how. */
const ENDED: ReadonlySet<string> = new Set(["Z", "X"]);

/** The processes of the machine that this one runs on. */
export function processesOf(machine: Machine = THIS_MACHINE): Processes {
  let known: { readonly id: string | null } | null = null;
  // Most commands never ask.
  const own = () => (known ??= { id: machineId(machine) }).id;
  return {
    self() {
      const [id, stat] = [own(), statOf(machine, machine.pid)];
      return id === null || stat === null ? null : { machine: id, pid: machine.pid, started: stat.started };
    },
    isGone({ machine: where, pid, started }) {
      if (own() === null || where !== own() || !Number.isSafeInteger(pid) || pid <= 0) return false;
      try {
        machine.signal(pid);
      } catch (error) {
        // /proc may hide the processes of others; a signal tells them apart from none.
        if ((error as NodeJS.ErrnoException).code === "ESRCH") return true;
      }
      const found = statOf(machine, pid);
      return found !== null && (found.started !== started || ENDED.has(found.state));
    },
  };
}
