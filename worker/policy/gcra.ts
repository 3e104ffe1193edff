/**
 * Generic cell rate algorithm: one number per user, exact. In every window of W seconds at most `rate + rate * W` requests are
 * admitted. A refusal costs nothing, so that a client that floods is not locked out for as long as it floods.
 */

/** Theoretical arrival time of the next request that fits the rate exactly. Unit: milliseconds since the epoch. */
export type Tat = number;

/** The answer for one request. */
export interface Verdict {
  readonly admitted: boolean;
  readonly tat: Tat;
  /** Requests that would be admitted right now, after this one. */
  readonly remaining: number;
  /** 0 when admitted. Unit: milliseconds. */
  readonly retryAfterMs: number;
}

/** Times since the epoch leave a double about 0.0002 ms; without this a rate such as 3 per second would lose its last request. */
const ROUNDING_MS = 0.01;

/**
 * @param tat of the previous verdict; 0 for a new user
 * @param now milliseconds since the epoch; may stand still or step back
 * @param rate sustained requests per second, also the depth of the burst; a positive integer
 */
export function gcra(tat: Tat, now: number, rate: number): Verdict {
  const interval = 1000 / rate;
  const tolerance = 1000 - interval;
  // More debt than a full burst means that the clock stepped back; it must not lock anybody out until it has caught up.
  const due = Math.min(Math.max(tat, now), now + 1000);
  const wait = due - now - tolerance;
  if (wait > ROUNDING_MS) return { admitted: false, tat: due, remaining: 0, retryAfterMs: Math.ceil(wait) };
  const next = due + interval;
  return {
    admitted: true,
    tat: next,
    remaining: Math.max(0, Math.floor((now + 1000 - next + ROUNDING_MS) / interval)),
    retryAfterMs: 0,
  };
}
