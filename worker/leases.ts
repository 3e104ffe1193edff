/**
 * Requests that this isolate has taken from users' bursts in advance and not spent yet. They were charged when they were taken, so
 * a window sees at most k of them per isolate on top of the exact limit. With k = 1 nothing is ever taken in advance.
 */
import { BURST_FALLBACK_ENTRIES, LEASE_MS } from "./constants.ts";
import { Lru } from "./lru.ts";

interface Lease {
  left: number;
  /** Unit: milliseconds since the epoch. */
  readonly until: number;
}

export class Leases {
  readonly #most: number;
  readonly #held = new Lru<string, Lease>(BURST_FALLBACK_ENTRIES);

  /** @param most requests that are held for one user at any time */
  constructor(most: number) {
    this.#most = most;
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
      until: Math.min(old?.until ?? Infinity, now + LEASE_MS),
    });
  }
}
