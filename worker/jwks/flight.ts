/** One piece of work at a time, which everybody who needs it waits for. */
import { JWKS_FETCH_TIMEOUT_MS } from "../constants.ts";
import type { WaitUntil } from "../env.ts";

/** Work that is older than this died with the request that owned it. */
const LONGEST_MS = JWKS_FETCH_TIMEOUT_MS + 2000;

export class Flight {
  #current: { readonly done: Promise<void>; readonly startedAt: number } | null = null;

  /** What is under way, or null. @param now milliseconds since the epoch */
  joined(now: number): Promise<void> | null {
    return this.#current && now - this.#current.startedAt < LONGEST_MS ? this.#current.done : null;
  }

  /** Puts work that has just begun in the place of whatever was there. It survives the client that happened to come first. */
  start(done: Promise<void>, now: number, waitUntil: WaitUntil): Promise<void> {
    const current = { done, startedAt: now };
    this.#current = current;
    waitUntil(
      done.finally(() => {
        if (this.#current === current) this.#current = null;
      }),
    );
    return done;
  }
}
