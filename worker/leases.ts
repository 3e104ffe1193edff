/**
 * Requests that this isolate has taken from users' bursts in advance and not spent yet. They were charged when they were taken and start
 * at most {@link LeaseTerms.lifeMs} later, so what starts in W seconds was charged in W seconds and that life. The count is held to a
 * depth that is smaller by what the rate gives in a life: then no more starts than without leases, over any number of isolates.
 * With k = 1 nothing is ever taken in advance.
 */
import { BURST_FALLBACK_ENTRIES, LEASE_MS } from "./constants.ts";
import { Lru } from "./lru.ts";

interface Lease {
  left: number;
  /** Unit: milliseconds since the epoch. */
  readonly until: number;
}

/** What a count has to be held to so that leases of it exceed nothing. */
export interface LeaseTerms {
  /** Of the count. */
  readonly depth: number;
  /** What is taken in advance is void after so long. Unit: milliseconds. */
  readonly lifeMs: number;
}

/** @param rate requests per second @param depth requests that may start at once @param most as in {@link Leases} */
export function leaseTerms(rate: number, depth: number, most: number): LeaseTerms {
  if (most <= 1) return { depth, lifeMs: 0 };
  // At least half of the depth stays: with a small one leases live shorter.
  const inAdvance = Math.min((rate * LEASE_MS) / 1000, Math.floor(depth / 2));
  return { depth: depth - inAdvance, lifeMs: (inAdvance / rate) * 1000 };
}

export class Leases {
  readonly #most: number;
  readonly #lifeMs: number;
  readonly #held = new Lru<string, Lease>(BURST_FALLBACK_ENTRIES);

  /** @param most requests that are held for one user at any time @param lifeMs see {@link LeaseTerms} */
  constructor(most: number, lifeMs: number) {
    this.#most = most;
    this.#lifeMs = lifeMs;
  }

  /** Spends a request that was paid for before. @returns how many are left; null when there was none */
  spend(sub: string, now: number): number | null {
    const lease = this.#held.get(sub);
    if (!lease) return null;
    if (now >= lease.until || lease.left < 1) {
      this.#held.delete(sub);
      return null;
    }
    return --lease.left;
  }

  /** Keeps `count` requests that were charged at `now`. What would exceed the most that may be held is given up, not hoarded. */
  add(sub: string, count: number, now: number): void {
    if (count < 1) return;
    const held = this.#held.get(sub);
    const old = held && now < held.until ? held : null;
    // Joined requests expire with the oldest of them.
    this.#held.set(sub, {
      left: Math.min(this.#most, count + (old?.left ?? 0)),
      until: Math.min(old?.until ?? Infinity, now + this.#lifeMs),
    });
  }
}
