/** Percentiles of many durations in constant memory: Node's own histogram, in microseconds. */
import { createHistogram } from "node:perf_hooks";

const MICROSECONDS = 1_000;

export class Latency {
  readonly #durations = createHistogram();

  /** Unit: milliseconds. */
  add(ms: number): void {
    this.#durations.record(Math.max(1, Math.round(ms * MICROSECONDS)));
  }

  /** The duration that `share` of all stayed within, three digits exact. @returns 0 when nothing was counted. Unit: milliseconds. */
  quantile(share: number): number {
    if (this.#durations.count === 0) return 0;
    return Math.round(this.#durations.percentile(share * 100) / 10) / 100;
  }
}
