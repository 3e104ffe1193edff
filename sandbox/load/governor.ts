/** Lowers a load that this machine cannot carry. Pure: it is told what each second was like. */

/** One second of traffic. Unit: milliseconds. */
export interface Second {
  /** The machine had nothing to spare. */
  readonly busy: boolean;
  /** Median wait of what was answered in it; 0 = nothing was. */
  readonly p50Ms: number;
  /** Longest wait of what is still under way. */
  readonly oldestMs: number;
}

/** Half of all users wait for longer than this: they would go away. Unit: milliseconds. */
const SLOW_P50_MS = 1000;
/** Nobody should wait for so long; the gateway gives an origin five seconds. Unit: milliseconds. */
const SLOW_OLDEST_MS = 3000;
/** What was sent before a change is answered first. Unit: seconds. */
const REST_SECONDS = 3;
const LEAST_PER_SECOND = 2;

export class Governor {
  #rate: number;
  #rest = 0;

  /** @param ratePerSecond to begin with. */
  constructor(ratePerSecond: number) {
    this.#rate = ratePerSecond;
  }

  /** @returns the lower rate from now on; null = no change. */
  second({ busy, p50Ms, oldestMs }: Second): number | null {
    if (this.#rest-- > 0) return null;
    const slow = p50Ms > SLOW_P50_MS || oldestMs > SLOW_OLDEST_MS;
    if (!busy || !slow || this.#rate <= LEAST_PER_SECOND) return null;
    this.#rest = REST_SECONDS;
    this.#rate = Math.max(LEAST_PER_SECOND, Math.floor(this.#rate / 2));
    return this.#rate;
  }
}
