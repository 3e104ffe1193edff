/** Percentiles of many durations in constant memory: logarithmic buckets, each 2 % wide. */

const GROWTH = Math.log(1.02);
/** Durations below this are counted as this. Unit: milliseconds. */
const SMALLEST_MS = 0.05;

export class Latency {
  readonly #buckets = new Map<number, number>();
  #count = 0;

  /** Unit: milliseconds. */
  add(ms: number): void {
    const bucket = Math.ceil(Math.log(Math.max(ms, SMALLEST_MS) / SMALLEST_MS) / GROWTH);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
    this.#count++;
  }

  /** The duration that `share` of all stayed within, 2 % exact, two decimals. @returns 0 when nothing was counted. Unit: milliseconds. */
  quantile(share: number): number {
    let seen = 0;
    for (const [bucket, count] of [...this.#buckets].sort(([a], [b]) => a - b)) {
      seen += count;
      if (seen >= share * this.#count) return Math.round(SMALLEST_MS * Math.exp(bucket * GROWTH) * 100) / 100;
    }
    return 0;
  }
}
