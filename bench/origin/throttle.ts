/** Part of a core for one process, and what memory it took at most, by Linux control groups. Needs root, and groups that can be written. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Unit: microseconds. */
const PERIOD = 100_000;
const V2 = "/sys/fs/cgroup";

/** A process that is held back. */
export interface Throttle {
  /** Lets go of the group once the process has ended. */
  remove(): void;
}

/** @param cores 0.25 = a quarter of one @returns null where this machine does not let us */
export function throttle(pid: number, cores: number): Throttle | null {
  const unified = existsSync(join(V2, "cgroup.controllers"));
  const folder = join(unified ? V2 : join(V2, "cpu"), `mcpist-bench-${pid}`);
  try {
    mkdirSync(folder);
    const quota = Math.round(cores * PERIOD);
    if (unified) writeFileSync(join(folder, "cpu.max"), `${quota} ${PERIOD}`);
    else {
      writeFileSync(join(folder, "cpu.cfs_period_us"), String(PERIOD));
      writeFileSync(join(folder, "cpu.cfs_quota_us"), String(quota));
    }
    writeFileSync(join(folder, "cgroup.procs"), String(pid));
    return { remove: () => rmdirSync(folder) };
  } catch {
    return null;
  }
}

/** Largest resident set so far. Unit: bytes. */
export function peakMemory(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) * 1024;
}
