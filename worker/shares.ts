/**
 * Something of which an isolate has only so much, and a user only a share: requests under way, bytes of bodies, waiting requests. All
 * that is held is a lease: it ends when it is given back, or with its deadline, because a client that vanished may take the code that
 * would give it back with it. No timers: what has ended is found when somebody asks.
 */

/** A part that is held. */
export interface Share {
  /** Holds `amount` in all from now on. @returns false when that does not fit; what was held stays held */
  grow(amount: number): boolean;
  /** Ends the lease at this time instead. Unit: milliseconds since the epoch. */
  extend(until: number): void;
  /** Gives all of it back; may be called more than once. */
  release(): void;
}

interface Lease {
  amount: number;
  until: number;
}

/** How much there is. */
export interface Bounds {
  readonly perUser: number;
  readonly total: number;
}

/** Looking for leases of others that have ended costs a pass over all of them. Unit: milliseconds. */
const SWEEP_PAUSE_MS = 1000;

export class Shares {
  readonly #bounds: Bounds;
  readonly #now: () => number;
  readonly #users = new Map<string, Set<Lease>>();
  #held = 0;
  #sweptAt = Number.NEGATIVE_INFINITY;

  /** @param now milliseconds since the epoch */
  constructor(bounds: Bounds, now: () => number) {
    this.#bounds = bounds;
    this.#now = now;
  }

  /** What is held by all, leases that have ended and were not found yet included. */
  get held(): number {
    return this.#held;
  }

  /** @returns null when it does not fit @param ms how long at most */
  take(user: string, amount: number, ms: number): Share | null {
    const now = this.#now();
    const lease: Lease = { amount: 0, until: now + ms };
    if (!this.#fits(user, amount, now)) return null;
    const leases = this.#users.get(user) ?? new Set();
    this.#users.set(user, leases.add(lease));
    this.#change(lease, amount);
    return {
      grow: (more) => {
        if (!leases.has(lease) || !this.#fits(user, more - lease.amount, this.#now())) return false;
        this.#change(lease, more - lease.amount);
        return true;
      },
      extend: (until) => {
        lease.until = until;
      },
      release: () => this.#drop(user, leases, lease),
    };
  }

  #fits(user: string, more: number, now: number): boolean {
    if (more <= 0) return true;
    const leases = this.#users.get(user);
    if (leases) this.#expire(user, leases, now);
    let mine = 0;
    for (const { amount } of leases ?? []) mine += amount;
    if (mine + more > this.#bounds.perUser) return false;
    if (this.#held + more > this.#bounds.total && now - this.#sweptAt >= SWEEP_PAUSE_MS) {
      this.#sweptAt = now;
      for (const [other, theirs] of this.#users) this.#expire(other, theirs, now);
    }
    return this.#held + more <= this.#bounds.total;
  }

  #expire(user: string, leases: Set<Lease>, now: number): void {
    for (const lease of leases) if (lease.until <= now) this.#drop(user, leases, lease);
  }

  #drop(user: string, leases: Set<Lease>, lease: Lease): void {
    if (!leases.delete(lease)) return;
    this.#change(lease, -lease.amount);
    if (leases.size === 0 && this.#users.get(user) === leases) this.#users.delete(user);
  }

  #change(lease: Lease, by: number): void {
    lease.amount += by;
    this.#held += by;
  }
}
