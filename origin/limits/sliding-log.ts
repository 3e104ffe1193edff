/**
 * Calls per minute and user as a sliding log: at most L admitted calls in any window of 60 s, exactly, per process. A fixed window
 * would admit 2L across its boundary. Timestamps live in a ring that grows with use, so memory follows the calls of the last
 * minute: at most 480 bytes of timestamps per user at 120 calls per minute, and no more than MAX_USERS users.
 */

/** Unit: milliseconds. */
export const WINDOW_MS = 60_000;
/** The largest limit that a plan may have (the database checks it too). */
export const MAX_PER_MINUTE = 120;
/** Users with a call in the last minute. Whoever would be one more is refused: to make room by forgetting somebody would give that one a new minute. */
const MAX_USERS = 100_000;
/** A full log looks for users that have gone quiet at most this often. Unit: milliseconds. */
const SWEEP_PAUSE_MS = 1_000;
const FIRST_RING = 8;

/** What one call came to. */
export interface Admission {
  readonly admitted: boolean;
  /** -1 = unlimited. */
  readonly limit: number;
  /** Calls that are still free right now; -1 = unlimited. */
  readonly remaining: number;
  /** Until one more call becomes free; 0 while some are free. Unit: milliseconds. */
  readonly resetMs: number;
}

/** Ring of admission times. Modulo 2^32 ms: only ages up to one window are ever read, because older ones are dropped first. */
interface Log {
  ring: Uint32Array;
  /** Index of the oldest time. */
  head: number;
  size: number;
}

/** Admits or refuses calls. */
export interface SlidingLog {
  /** Counts one call of `userId` against `limit` calls per minute. A call that is refused here is not counted. */
  admit(userId: string, limit: number): Admission;
  /** Forgets users without a call in the last window; they lose nothing. @returns how many users are left. */
  sweep(): number;
  readonly users: number;
}

/** Unsigned 32-bit milliseconds since an arbitrary start. */
const stamp = (ms: number): number => Math.floor(ms) >>> 0;

function append(log: Log, at: number): void {
  if (log.size === log.ring.length) {
    const grown = new Uint32Array(Math.min(MAX_PER_MINUTE, Math.max(FIRST_RING, log.ring.length * 2)));
    for (let i = 0; i < log.size; i++) grown[i] = log.ring[(log.head + i) % log.ring.length] ?? 0;
    log.ring = grown;
    log.head = 0;
  }
  log.ring[(log.head + log.size) % log.ring.length] = at;
  log.size++;
}

/** Drops times that are more than a window old: strictly more, because stamps are rounded down to milliseconds. */
function expire(log: Log, now: number): void {
  while (log.size > 0 && (now - (log.ring[log.head] ?? 0)) >>> 0 > WINDOW_MS) {
    log.head = (log.head + 1) % log.ring.length;
    log.size--;
  }
}

/** Builds a limiter. `clock` is monotonic, in milliseconds; should it ever step back, time stands still until it has caught up. */
export function createSlidingLog(clock: () => number, maxUsers = MAX_USERS): SlidingLog {
  const logs = new Map<string, Log>();
  let latest = Number.NEGATIVE_INFINITY;
  let sweptAt = Number.NEGATIVE_INFINITY;
  const now = (): number => {
    latest = Math.max(latest, clock());
    return stamp(latest);
  };
  const sweep = (): number => {
    const at = now();
    sweptAt = latest;
    for (const [userId, log] of logs) {
      expire(log, at);
      if (log.size === 0) logs.delete(userId);
    }
    return logs.size;
  };
  const hasRoom = (): boolean => {
    if (logs.size >= maxUsers && latest - sweptAt >= SWEEP_PAUSE_MS) sweep();
    return logs.size < maxUsers;
  };
  return {
    admit(userId, limit) {
      if (limit === -1) return { admitted: true, limit, remaining: -1, resetMs: 0 };
      const at = now();
      let log = logs.get(userId);
      if (!log) {
        if (!hasRoom()) return { admitted: false, limit, remaining: 0, resetMs: SWEEP_PAUSE_MS };
        logs.set(userId, (log = { ring: new Uint32Array(0), head: 0, size: 0 }));
      }
      expire(log, at);
      const most = Math.min(limit, MAX_PER_MINUTE);
      const admitted = log.size < most;
      if (admitted) append(log, at);
      const remaining = Math.max(0, most - log.size);
      // When the plan was lowered meanwhile, more than one time must age before a call is free again.
      const index = (log.head + Math.max(0, log.size - most)) % log.ring.length;
      const resetMs = remaining > 0 ? 0 : WINDOW_MS + 1 - ((at - (log.ring[index] ?? 0)) >>> 0);
      return { admitted, limit, remaining, resetMs };
    },
    sweep,
    get users() {
      return logs.size;
    },
  };
}
