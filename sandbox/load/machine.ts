/** Whether this machine had anything to spare, second by second: what tells a slow machine from a broken service. */
import { cpus } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** Less of it idle, and whoever wants to run waits. */
const SPARE_SHARE = 0.1;
/** A process that is kept from running for so long shares its cores with too many. Unit: nanoseconds. */
const HELD_UP_NS = 250_000_000;
const SECOND_MS = 1000;

/** Ticks of all cores so far. */
export interface Ticks {
  readonly idle: number;
  readonly all: number;
}

const ticksNow = (): Ticks => {
  const times = cpus().map((core) => core.times);
  const all = times.flatMap((core) => Object.values(core)).reduce((sum, ticks) => sum + ticks, 0);
  return { idle: times.reduce((sum, core) => sum + core.idle, 0), all };
};

/** True when next to nothing was idle in between; false where nothing can be told. */
export const nothingSpare = (before: Ticks, after: Ticks): boolean =>
  after.all > before.all && (after.idle - before.idle) / (after.all - before.all) < SPARE_SHARE;

/** Watches until it is stopped. */
export interface Machine {
  /** True when it was busy in most of the seconds between two moments of {@link performance.now}. */
  wasBusy(fromMs: number, untilMs: number): boolean;
  stop(): void;
}

/** @param onSecond is called after each second. */
export function watchMachine(onSecond: (busy: boolean) => void = () => undefined): Machine {
  const held = monitorEventLoopDelay({ resolution: 20 });
  held.enable();
  const seconds: { readonly endMs: number; readonly busy: boolean }[] = [];
  let ticks = ticksNow();
  const timer = setInterval(() => {
    const now = ticksNow();
    const busy = nothingSpare(ticks, now) || held.max > HELD_UP_NS;
    ticks = now;
    held.reset();
    seconds.push({ endMs: performance.now(), busy });
    onSecond(busy);
  }, SECOND_MS);
  timer.unref();
  return {
    wasBusy(fromMs, untilMs) {
      const within = seconds.filter(({ endMs }) => endMs > fromMs && endMs - SECOND_MS < untilMs);
      return within.length > 0 && within.filter(({ busy }) => busy).length * 2 > within.length;
    },
    stop() {
      clearInterval(timer);
      held.disable();
    },
  };
}
