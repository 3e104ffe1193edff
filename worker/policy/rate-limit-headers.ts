/**
 * `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10: structured lists). The draft may still change, so
 * its syntax lives in this file only. No user id is ever put into a partition key.
 */

/** One limit and, where it is known, what is left of it. */
export interface Limit {
  /** burst = per user · module = per user and module · address = per client address · auth = failed sign-ins per address. */
  readonly name: "burst" | "module" | "address" | "auth";
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

/** @param origin headers of an origin's answer; what it says about its own limits comes second */
export function rateLimitHeaders(
  limit: Limit,
  origin?: Headers,
): { readonly "ratelimit-policy": string; readonly ratelimit: string } {
  const join = (own: string, theirs: string | null | undefined): string => (theirs ? `${own}, ${theirs}` : own);
  return {
    "ratelimit-policy": join(
      `"${limit.name}";q=${limit.quota};w=${limit.windowSeconds}`,
      origin?.get("ratelimit-policy"),
    ),
    ratelimit: join(`"${limit.name}";r=${limit.remaining};t=${limit.resetSeconds}`, origin?.get("ratelimit")),
  };
}
