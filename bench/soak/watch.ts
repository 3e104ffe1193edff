/**
 * Loaded into a process before anything else (`--import`): tells its parent when its event loop stood still, how much of that the process
 * was computing itself, and when memory was collected. A process that stands still and computes nothing was not given a processor.
 */
import { PerformanceObserver } from "node:perf_hooks";

/** A gap of the event loop, or a collection. Units: milliseconds; `at` since the epoch, when it was over. */
export interface Gap {
  readonly at: number;
  readonly ms: number;
  /** Of a gap, the processor time of the process; that of a collection is not known. */
  readonly busyMs: number;
  readonly kind: "gap" | "collection";
}

const EVERY_MS = 5;
/** Shorter ones are timers that come late. */
const LEAST_MS = 25;

/** Calls `tell` for each gap of this process. */
export function watch(tell: (gap: Gap) => void): void {
  let last = Date.now();
  let used = process.cpuUsage();
  setInterval(() => {
    const at = Date.now();
    const ms = at - last - EVERY_MS;
    const { user, system } = process.cpuUsage(used);
    [last, used] = [at, process.cpuUsage()];
    if (ms > LEAST_MS) tell({ at, ms, busyMs: (user + system) / 1000, kind: "gap" });
  }, EVERY_MS).unref();
  new PerformanceObserver((list) => {
    for (const { duration: ms } of list.getEntries())
      if (ms > LEAST_MS) tell({ at: Date.now(), ms, busyMs: ms, kind: "collection" });
  }).observe({ entryTypes: ["gc"] });
}

if (process.send) watch((gap) => process.connected && process.send?.({ gap }));
