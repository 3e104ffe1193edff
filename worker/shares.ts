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
  /** Unit: milliseconds since the epoch. */
  until: number;
}
/** End of a lease that was given back. */
const OVER = Number.NEGATIVE_INFINITY;

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

  /** Users of whom something is held, by leases that have ended and were not found yet, too. */
  get users(): number {
    return this.#users.size;
  }

  /** @returns null when it does not fit @param ms how long at most */
  take(user: string, amount: number, ms: number): Share | null {
    const lease: Lease = { amount: 0, until: this.#now() + ms };
    if (!this.#hold(user, lease, amount)) return null;
    return {
      grow: (more) => this.#hold(user, lease, more),
      extend: (until) => {
        lease.until = until;
      },
      release: () => {
        lease.until = OVER;
        this.#drop(user, lease);
      },
    };
  }

  /** @returns false when it does not fit, or when the lease has ended: what an ended one held would never be given back */
  #hold(user: string, lease: Lease, amount: number): boolean {
    const now = this.#now();
    if (lease.until <= now || !this.#fits(user, amount - lease.amount, now)) return false;
    // Nothing is kept of a lease of nothing: a client that vanished would leave it behind for good.
    if (amount > 0) this.#users.set(user, (this.#users.get(user) ?? new Set()).add(lease));
    this.#change(lease, amount - lease.amount);
    return true;
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
    for (const lease of leases) if (lease.until <= now) this.#drop(user, lease);
  }

  #drop(user: string, lease: Lease): void {
    const leases = this.#users.get(user);
    if (!leases?.delete(lease)) return;
    this.#change(lease, -lease.amount);
    if (leases.size === 0) this.#users.delete(user);
  }

  #change(lease: Lease, by: number): void {
    lease.amount += by;
    this.#held += by;
  }
}
