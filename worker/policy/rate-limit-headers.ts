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

/** Some limits, each with a few short parameters. What an origin says in any other form is left out. */
const PARAMETERS = String.raw`(?:; *[a-z]{1,8}=(?:[\w"-]{1,16}|:[\w+/=]{1,64}:)){0,6}`;
const NAMED = String.raw`"[\w.-]{1,32}"${PARAMETERS}`;
const LIMITS = new RegExp(`^${NAMED}(?:, *${NAMED}){0,7}$`);

/** `depth` requests at once, which come back at `rate` a second. @param resetSeconds absent = until all of them are there again */
export function burstLimit(rate: number, depth: number, remaining: number, resetSeconds?: number): Limit {
  const windowSeconds = Math.max(1, Math.ceil(depth / rate));
  const untilFull = Math.max(1, Math.ceil((depth - remaining) / rate));
  return { name: "burst", quota: depth, windowSeconds, remaining, resetSeconds: resetSeconds ?? untilFull };
}

/** @param origin headers of an origin's answer; what it says about its own limits comes second */
export function rateLimitHeaders(
  limit: Limit,
  origin?: Headers,
): { readonly "ratelimit-policy": string; readonly ratelimit: string } {
  const join = (own: string, theirs: string | null | undefined): string =>
    theirs && LIMITS.test(theirs) ? `${own}, ${theirs}` : own;
  return {
    "ratelimit-policy": join(
      `"${limit.name}";q=${limit.quota};w=${limit.windowSeconds}`,
      origin?.get("ratelimit-policy"),
    ),
    ratelimit: join(`"${limit.name}";r=${limit.remaining};t=${limit.resetSeconds}`, origin?.get("ratelimit")),
  };
}
