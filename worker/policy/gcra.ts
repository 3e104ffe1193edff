/**
 * Generic cell rate algorithm: one number per user, exact. Whoever asks too early is given a time to start while that is near, and
 * refused only beyond. In every window of W seconds at most `depth + rate * W` requests start. A refusal costs nothing, so that a client
 * that floods is not locked out for as long as it floods.
 */

/** Theoretical arrival time of the next request that fits the rate exactly. Unit: milliseconds since the epoch. */
export type Tat = number;

/** What a user may do. */
export interface Terms {
  /** Sustained requests per second; a positive integer. */
  readonly rate: number;
  /** Requests that may start at once; a positive integer. */
  readonly depth: number;
  /** How far ahead a start may be promised. Unit: milliseconds. */
  readonly waitMs: number;
}

/** The answer for one request. */
export interface Verdict {
  readonly admitted: boolean;
  readonly tat: Tat;
  /** From now until it may start; 0 = at once. Unit: milliseconds. */
  readonly startMs: number;
  /** Requests that would start at once right now, after this one. */
  readonly remaining: number;
  /** 0 when admitted. Unit: milliseconds. */
  readonly retryAfterMs: number;
}

/** Times since the epoch leave a double about 0.0002 ms; without this a rate such as 3 per second would lose its last request. */
const ROUNDING_MS = 0.01;

/**
 * @param tat of the previous verdict; 0 for a new user
 * @param now milliseconds since the epoch; may stand still or step back
 */
export function gcra(tat: Tat, now: number, { rate, depth, waitMs }: Terms): Verdict {
  const interval = 1000 / rate;
  const full = depth * interval;
  // More debt than that means that the clock stepped back; it must not lock anybody out until it has caught up.
  const due = Math.min(Math.max(tat, now), now + full + waitMs);
  const wait = due - now - (full - interval);
  if (wait > waitMs + ROUNDING_MS)
    return { admitted: false, tat: due, startMs: 0, remaining: 0, retryAfterMs: Math.ceil(wait) };
  const next = due + interval;
  return {
    admitted: true,
    tat: next,
    startMs: wait > ROUNDING_MS ? Math.ceil(wait - ROUNDING_MS) : 0,
    remaining: Math.max(0, Math.floor((now + full - next + ROUNDING_MS) / interval)),
    retryAfterMs: 0,
  };
}
