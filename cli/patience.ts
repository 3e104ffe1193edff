/** How long calls to a platform take at most, and how long they pause after a limit. Pure. */
import type { Context } from "./context.ts";

/** One call with all its waits and retries. Less than the lease of a run, which would be over after a longer wait. */
export const PATIENCE_MS = 12 * 60_000;
/**
 * A write ends within this time, with every wait and retry: what a guard allowed is not sent later than that. An emergency that
 * takes the lock of another run waits so long before it believes what it sees. Unit: milliseconds.
 */
export const LONGEST_WRITE_MS = 2 * 60_000;
/** After a limit that names no time, and at most, where every next wait is twice as long. */
const PAUSE_MS = 1000;
const MAX_PAUSE_MS = 2 * 60_000;

/** A platform that asks for no wait at all, again and again, is not asked all the time. Unit: milliseconds. */
export function pauseAfter(asked: number | null, limits: number, pauseMs: number = PAUSE_MS): number {
  if (asked === null) return Math.min(pauseMs * 2 ** limits, MAX_PAUSE_MS);
  return limits === 0 ? asked : Math.max(asked, Math.min(PAUSE_MS * 2 ** (limits - 1), MAX_PAUSE_MS));
}

/**
 * Time left of `ms`, by whichever clock has gone further: the monotonic one stands still while a laptop sleeps.
 * Unit: milliseconds; negative when it is over.
 */
export function countdown(context: Pick<Context, "monotonic" | "now">, ms: number): () => number {
  const [monotonic, wall] = [context.monotonic(), context.now().getTime()];
  return () => ms - Math.max(context.monotonic() - monotonic, context.now().getTime() - wall);
}

/** The same by the clock that stands still while the machine sleeps and that nobody sets: for what must not be over too early. */
export function awake({ monotonic }: Pick<Context, "monotonic">, ms: number): () => number {
  const until = monotonic() + ms;
  return () => until - monotonic();
}
