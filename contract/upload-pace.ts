/**
 * The least pace of an upload: a body may pause for five seconds in all and earns new time with what it brings. Whoever sends slower
 * than that holds a place that others need. Counts only the time in which somebody waited for the sender. No clock.
 */

/** Longest pause. Unit: milliseconds. */
export const PAUSE_MS = 5000;
/** What keeps a sender going for ever. Unit: bytes per second. */
const LEAST_BYTES_PER_SECOND = 4096;

export class UploadPace {
  #left = PAUSE_MS;

  /** How long the next bytes may take. Unit: milliseconds. */
  get leftMs(): number {
    return Math.max(0, this.#left);
  }

  /** Bytes came after a wait. */
  came(waitedMs: number, bytes: number): void {
    this.#left = Math.min(PAUSE_MS, this.#left - waitedMs + (bytes * 1000) / LEAST_BYTES_PER_SECOND);
  }
}
