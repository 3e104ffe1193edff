/** Rate limits of the platforms: what is one, and how long it asks to wait. Pure. */

/** An answer, as far as a limit shows in it. */
export interface Limited {
  readonly status: number;
  readonly headers: Headers;
  /** The platform's sentence. */
  readonly said: string;
}

/** GitHub has two limits; the secondary one may be told by the body alone, as a 403. */
const LIMIT_TEXT = /rate limit|abuse detection/i;

/** True for an answer that says "too many", whatever its status. Such a call was not carried out. */
export function isLimit({ status, headers, said }: Limited): boolean {
  if (status === 429) return true;
  return (
    status === 403 &&
    (headers.has("retry-after") || headers.get("x-ratelimit-remaining") === "0" || LIMIT_TEXT.test(said))
  );
}

/**
 * How long the platform asks to wait: `retry-after` in seconds or as a date, else `x-ratelimit-reset` where nothing remains.
 * Dates are held against the platform's own `date`, never against this machine's clock, unless it sends none.
 * @param now this machine's time. Unit: milliseconds since 1970.
 * @returns milliseconds; null when it names no time.
 */
export function askedWaitMs(headers: Headers, now: number): number | null {
  const sent = Date.parse(headers.get("date") ?? "");
  const present = Number.isNaN(sent) ? now : sent;
  const after = headers.get("retry-after")?.trim();
  if (after !== undefined && after !== "") {
    const seconds = Number(after);
    if (Number.isFinite(seconds)) return Math.max(0, seconds) * 1000;
    const date = Date.parse(after);
    if (!Number.isNaN(date)) return Math.max(0, date - present);
  }
  const reset = headers.get("x-ratelimit-reset");
  if (headers.get("x-ratelimit-remaining") !== "0" || reset === null) return null;
  const resetAt = Number(reset) * 1000;
  // The reset is a whole second of the platform's clock, so one more is waited.
  return Number.isFinite(resetAt) ? Math.max(0, resetAt - present) + 1000 : null;
}
