/**
 * GitHub's rate limits: 5,000 calls an hour always; the secondary limits (points and writes per minute) only when they are armed,
 * because a rotation that takes minutes on the real platforms takes seconds here. https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
import type { Context } from "hono";
import { failure } from "./wire.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const PRIMARY_PER_HOUR = 5000;
const POINTS_PER_MINUTE = 900;
const WRITES_PER_MINUTE = 80;
const WRITE_POINTS = 5;

/** Counters of the one token that the sandbox knows. */
export class RateLimits {
  /** Enforce the limits per minute as well. */
  secondary = false;
  #windowStart = Date.now();
  #used = 0;
  #recent: { readonly at: number; readonly write: boolean }[] = [];

  /** Counts the call. @returns the refusal, or null. */
  admit(c: Context): Response | null {
    const now = Date.now();
    if (now - this.#windowStart >= HOUR_MS) {
      this.#windowStart = now;
      this.#used = 0;
    }
    this.#used++;
    if (this.#used > PRIMARY_PER_HOUR) {
      const refusal = failure(c, 403, "API rate limit exceeded for user ID 2.");
      this.stamp(refusal.headers);
      return refusal;
    }
    if (!this.secondary) return null;
    this.#recent = this.#recent.filter(({ at }) => now - at < MINUTE_MS);
    const write = !["GET", "HEAD", "OPTIONS"].includes(c.req.method);
    this.#recent.push({ at: now, write });
    const writes = this.#recent.filter((call) => call.write).length;
    const points = this.#recent.length + writes * (WRITE_POINTS - 1);
    if (points <= POINTS_PER_MINUTE && writes <= WRITES_PER_MINUTE) return null;
    const refusal = failure(c, 403, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.");
    refusal.headers.set("retry-after", String(Math.ceil(((this.#recent[0]?.at ?? now) + MINUTE_MS - now) / 1000)));
    return refusal;
  }

  /** Writes the counters onto an answer. */
  stamp(headers: Headers): void {
    headers.set("x-ratelimit-limit", String(PRIMARY_PER_HOUR));
    headers.set("x-ratelimit-remaining", String(Math.max(0, PRIMARY_PER_HOUR - this.#used)));
    headers.set("x-ratelimit-used", String(this.#used));
    headers.set("x-ratelimit-reset", String(Math.ceil((this.#windowStart + HOUR_MS) / 1000)));
    headers.set("x-ratelimit-resource", "core");
  }
}
