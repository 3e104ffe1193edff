/** The count of one user's requests: exact, five numbers, no clock of its own. */
import { BLOCK_AFTER_REFUSALS, BLOCK_FORGOTTEN_MS, BLOCK_WINDOW_MS, BLOCKS_MS } from "./constants.ts";
import { gcra } from "./policy/gcra.ts";

/** What the object answers. Times in milliseconds since the epoch, durations in milliseconds. */
export interface BurstVerdict {
  readonly admitted: boolean;
  /** Requests charged: 1 for this one, more when the caller asked for a lease. 0 when refused. */
  readonly granted: number;
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
  #blockedUntil = 0;
  #blocks = 0;

  /**
   * @param now milliseconds since the epoch
   * @param rate requests per second and depth of the burst
   * @param lease most requests to charge at once; what does not fit is not charged
   */
  take(now: number, rate: number, lease = 1): BurstVerdict {
    if (now < this.#blockedUntil) return this.#refuse(this.#blockedUntil - now);
    const first = gcra(this.#tat, now, rate);
    this.#tat = first.tat;
    if (!first.admitted) return this.#countRefusal(now, first.retryAfterMs);
    let { remaining } = first;
    let granted = 1;
    for (; granted < lease && remaining > 0; granted++) ({ tat: this.#tat, remaining } = gcra(this.#tat, now, rate));
    return { admitted: true, granted, remaining, retryAfterMs: 0 };
  }

  #countRefusal(now: number, retryAfterMs: number): BurstVerdict {
    if (now - this.#refusedSince >= BLOCK_WINDOW_MS) {
      this.#refused = 0;
      this.#refusedSince = now;
    }
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
      remaining: 0,
      retryAfterMs,
      ...(blockedUntil === null ? {} : { blockedUntil }),
    };
  }
}
