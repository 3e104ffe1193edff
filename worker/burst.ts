/** The count of one user's requests: exact, a few numbers, no clock of its own. */
import {
  BLOCK_AFTER_REFUSALS,
  BLOCK_COUNT_EVERY_MS,
  BLOCK_FORGOTTEN_MS,
  BLOCK_WINDOW_MS,
  BLOCKS_MS,
} from "./constants.ts";
import { gcra } from "./policy/gcra.ts";

/** What the object answers. Times in milliseconds since the epoch, durations in milliseconds. */
export interface BurstVerdict {
  readonly admitted: boolean;
  /** Requests charged: 1 for this one, more when the caller asked for a lease. 0 when refused. */
  readonly granted: number;
  /** From now until this request may start; 0 = at once. It is charged already: a reservation. */
  readonly startMs: number;
  readonly remaining: number;
  readonly retryAfterMs: number;
  /** Set while the user is blocked for repeated excess. */
  readonly blockedUntil?: number;
  /** True once per block: the caller writes the marker that spares this object the rest. */
  readonly mark?: boolean;
}

/** Counts for one user. Also the isolate's stand-in while the object cannot be reached. */
export class BurstCounter {
  #tat = 0;
  #refused = 0;
  #refusedSince = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  #blockedUntil = 0;
  #blocks = 0;

  /**
   * @param now milliseconds since the epoch
   * @param rate requests per second
   * @param lease most requests to charge at once; what does not fit is not charged
   * @param depth requests that may start at once
   * @param waitMs how far ahead a start may be promised
   */
  take(now: number, rate: number, lease = 1, depth = rate, waitMs = 0): BurstVerdict {
    if (now < this.#blockedUntil) return this.#refuse(this.#blockedUntil - now);
    const terms = { rate, depth, waitMs };
    const first = gcra(this.#tat, now, terms);
    this.#tat = first.tat;
    if (!first.admitted) return this.#countRefusal(now, first.retryAfterMs);
    let { remaining } = first;
    let granted = 1;
    for (; granted < lease && remaining > 0; granted++) ({ tat: this.#tat, remaining } = gcra(this.#tat, now, terms));
    return { admitted: true, granted, startMs: first.startMs, remaining, retryAfterMs: 0 };
  }

  /** Calls that a model makes at one moment are one excess, not fifty: what blocks is going on. */
  #countRefusal(now: number, retryAfterMs: number): BurstVerdict {
    if (now - this.#refusedSince >= BLOCK_WINDOW_MS) {
      this.#refused = 0;
      this.#refusedSince = now;
    }
    if (Math.abs(now - this.#countedAt) < BLOCK_COUNT_EVERY_MS) return this.#refuse(retryAfterMs, null);
    this.#countedAt = now;
    if (++this.#refused < BLOCK_AFTER_REFUSALS) return this.#refuse(retryAfterMs, null);
    this.#refused = 0;
    if (now - this.#blockedUntil >= BLOCK_FORGOTTEN_MS) this.#blocks = 0;
    const ms = BLOCKS_MS[Math.min(this.#blocks++, BLOCKS_MS.length - 1)] ?? BLOCKS_MS[0];
    this.#blockedUntil = now + ms;
    return { ...this.#refuse(ms), mark: true };
  }

  #refuse(retryAfterMs: number, blockedUntil: number | null = this.#blockedUntil): BurstVerdict {
    return {
      admitted: false,
      granted: 0,
      startMs: 0,
      remaining: 0,
      retryAfterMs,
      ...(blockedUntil === null ? {} : { blockedUntil }),
    };
  }
}
