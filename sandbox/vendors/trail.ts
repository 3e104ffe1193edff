/** What something was and since when: lists of the platforms lag behind writes, reads of one object do not. Pure. */

/** Nothing lags for longer than a timing may be set to. Unit: milliseconds. */
const KEPT_MS = 600_000;

interface Step<T> {
  readonly at: number;
  readonly value: T;
}

/** States of one object, oldest first. */
export class Trail<T> {
  #steps: readonly Step<T>[] = [];

  /** @param at when it became so. Unit: milliseconds since 1970; never before an earlier one. */
  note(value: T, at: number): void {
    // One that is older than everything anybody may ask for stays: it is the answer for that time.
    const first = this.#steps.findLastIndex((step) => step.at <= at - KEPT_MS);
    this.#steps = [...this.#steps.slice(Math.max(0, first)), { at, value }];
  }

  /** @returns what it was at a time; null when it did not exist yet. */
  at(time: number): T | null {
    return this.#steps.findLast((step) => step.at <= time)?.value ?? null;
  }
}
