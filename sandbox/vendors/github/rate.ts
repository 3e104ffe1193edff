/**
 * GitHub's rate limits: 5,000 calls an hour and 30 searches a minute always; the secondary limits (points and writes per minute)
 * only when they are armed, because a rotation that takes minutes on the real platforms takes seconds here.
 * https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api and https://docs.github.com/rest/search/search#rate-limit
 */
import type { Context } from "hono";
import { failure } from "./wire.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const POINTS_PER_MINUTE = 900;
const WRITES_PER_MINUTE = 80;
const WRITE_POINTS = 5;
const RESOURCES = { core: { limit: 5000, ms: HOUR_MS }, search: { limit: 30, ms: MINUTE_MS } } as const;
type Resource = keyof typeof RESOURCES;

interface Window {
  start: number;
  used: number;
}
/** Counters of one account. */
interface Holder {
  readonly windows: Record<Resource, Window>;
  recent: readonly { readonly at: number; readonly write: boolean }[];
}

const resourceOf = (c: Context): Resource => (c.req.path.startsWith("/search/") ? "search" : "core");

/** Counters by account: each has limits of its own. */
export class RateLimits {
  /** Enforce the limits per minute as well. */
  secondary = false;
  readonly #holders = new Map<string, Holder>();

  #holderOf(account: string): Holder {
    const now = Date.now();
    const holder = this.#holders.get(account) ?? {
      windows: { core: { start: now, used: 0 }, search: { start: now, used: 0 } },
      recent: [],
    };
    this.#holders.set(account, holder);
    return holder;
  }

  /** Counts the call of an account. @returns the refusal, or null. */
  admit(c: Context, account: string): Response | null {
    const now = Date.now();
    const holder = this.#holderOf(account);
    const resource = resourceOf(c);
    const window = holder.windows[resource];
    const { limit, ms } = RESOURCES[resource];
    if (now - window.start >= ms) Object.assign(window, { start: now, used: 0 });
    window.used++;
    if (window.used > limit) {
      const refusal = failure(c, 403, "API rate limit exceeded for user ID 2.");
      this.stamp(c, refusal.headers, account);
      return refusal;
    }
    if (!this.secondary) return null;
    const write = !["GET", "HEAD", "OPTIONS"].includes(c.req.method);
    holder.recent = [...holder.recent.filter(({ at }) => now - at < MINUTE_MS), { at: now, write }];
    const writes = holder.recent.filter((call) => call.write).length;
    const points = holder.recent.length + writes * (WRITE_POINTS - 1);
    if (points <= POINTS_PER_MINUTE && writes <= WRITES_PER_MINUTE) return null;
    const refusal = failure(
      c,
      403,
      "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    );
    refusal.headers.set("retry-after", String(Math.ceil(((holder.recent[0]?.at ?? now) + MINUTE_MS - now) / 1000)));
    return refusal;
  }

  /** Writes the counters of the account and of what was called onto an answer. */
  stamp(c: Context, headers: Headers, account: string): void {
    const resource = resourceOf(c);
    const { limit, ms } = RESOURCES[resource];
    const { start, used } = this.#holderOf(account).windows[resource];
    headers.set("x-ratelimit-limit", String(limit));
    headers.set("x-ratelimit-remaining", String(Math.max(0, limit - used)));
    headers.set("x-ratelimit-used", String(used));
    headers.set("x-ratelimit-reset", String(Math.ceil((start + ms) / 1000)));
    headers.set("x-ratelimit-resource", resource);
  }

  /** Forgets what an account has used. */
  forget(account: string): void {
    this.#holders.delete(account);
  }
}
