/** Waiting with an end. A promise of another request may never settle once its owner is gone, so it is never awaited bare. */

import { TURN_BYTES, TURN_CHUNK_BYTES } from "./constants.ts";

/** What {@link within} returns when the time is up. */
export const LATE = Symbol("late");

/** The value of `work`, or {@link LATE} after `ms`. Does not stop `work`. @throws what `work` throws in time. */
export function within<T>(work: Promise<T>, ms: number): Promise<T | typeof LATE> {
  return race(work, (late) => {
    const timer = setTimeout(late, ms);
    return () => clearTimeout(timer);
  });
}

/** `work` against a deadline. @param set begins it, with what to call when it comes, and returns what makes it void */
function race<T>(work: Promise<T>, set: (late: () => void) => () => void): Promise<T | typeof LATE> {
  const { promise, resolve, reject } = Promise.withResolvers<T | typeof LATE>();
  const meet = set(() => resolve(LATE));
  const inTime = (value: T): void => {
    meet();
    resolve(value);
  };
  const failed = (error: unknown): void => {
    meet();
    reject(error);
  };
  work.then(inTime, failed);
  return promise;
}

/** A pause of the request's own. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Gives the others their turn. Where a source always has data and a client always takes it, nothing is ever waited for, and the event loop
 * of the runtime looks for no other connection meanwhile.
 */
export class Turns {
  #passed = 0;

  /** Counts what was passed on. @returns a pause when a turn is used up */
  after(bytes: number): Promise<void> | null {
    this.#passed += Math.max(bytes, TURN_CHUNK_BYTES);
    if (this.#passed < TURN_BYTES) return null;
    this.#passed = 0;
    return sleep(0);
  }
}

interface Deadline {
  /** Unit: milliseconds since the epoch. */
  readonly at: number;
  readonly late: () => void;
}

/**
 * The deadlines of one request, on one timer: it sets several and meets nearly all of them, and a timer of the runtime costs more than
 * the rest of a deadline. The timer is never cleared: a request that is over takes it along.
 */
export class Deadlines {
  readonly #open = new Set<Deadline>();
  #wakesAt = Number.POSITIVE_INFINITY;

  /** Calls `late` after `ms`. @returns what makes it void */
  after(ms: number, late: () => void): () => void {
    const deadline = { at: Date.now() + ms, late };
    this.#open.add(deadline);
    this.#wake(deadline.at);
    return () => void this.#open.delete(deadline);
  }

  /** As {@link within}. */
  within<T>(work: Promise<T>, ms: number): Promise<T | typeof LATE> {
    return race(work, (late) => this.after(ms, late));
  }

  #wake(at: number): void {
    if (at >= this.#wakesAt) return;
    this.#wakesAt = at;
    setTimeout(() => this.#look(), at - Date.now());
  }

  #look(): void {
    this.#wakesAt = Number.POSITIVE_INFINITY;
    const now = Date.now();
    for (const deadline of this.#open) {
      if (deadline.at > now) this.#wake(deadline.at);
      else {
        this.#open.delete(deadline);
        deadline.late();
      }
    }
  }
}
