/**
 * `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10: structured lists). The draft may still change, so
 * its syntax lives in this file only. No user id is ever put into a partition key.
 */

/** One limit and, where it is known, what is left of it. */
export interface Limit {
  /** burst = per user · address = per client address · auth = failed sign-ins per address. */
  readonly name: "burst" | "address" | "auth";
  readonly quota: number;
  readonly windowSeconds: number;
  readonly remaining: number;
  readonly resetSeconds: number;
}

/** A whole second of `rate` requests. */
export const burstLimit = (rate: number, remaining: number, resetSeconds = 1): Limit => ({
  name: "burst",
  quota: rate,
  windowSeconds: 1,
  remaining,
  resetSeconds,
});

/** Puts `limit` in front of what the origin said about its own limits. */
export function setRateLimit(headers: Headers, limit: Limit, origin?: Headers): void {
  const join = (own: string, name: string): void => {
    const theirs = origin?.get(name);
    headers.set(name, theirs ? `${own}, ${theirs}` : own);
  };
  join(`"${limit.name}";q=${limit.quota};w=${limit.windowSeconds}`, "ratelimit-policy");
  join(`"${limit.name}";r=${limit.remaining};t=${limit.resetSeconds}`, "ratelimit");
}
