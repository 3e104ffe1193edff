/**
 * GitHub's rate limits: 5,000 calls an hour and 30 searches a minute always; the secondary limits (points and writes per minute)
 * only when they are armed, because a rotation that takes minutes on the real platforms takes seconds here.
 * https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api and https://docs.github.com/rest/search/search#rate-limit
 */
import type { Context } from "hono";
import type { Schema } from "./described.ts";
import { failure } from "./wire.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const WRITE_POINTS = 5;
const RESOURCES = {
  core: { limit: 5000, ms: HOUR_MS },
  search: { limit: 30, ms: MINUTE_MS },
  graphql: { limit: 5000, ms: HOUR_MS },
} as const;
type Resource = keyof typeof RESOURCES;

/** The limits per minute, which GitHub calls secondary. */
export interface SecondaryLimits {
  /** A write counts five points, a read one. */
  readonly pointsPerMinute: number;
  /** What creates content. */
  readonly writesPerMinute: number;
  /** False: nothing but the status and the sentence tells that it is a limit, which is how GitHub answers at times. */
  readonly retryAfter: boolean;
}
/** As documented. */
export const DOCUMENTED: SecondaryLimits = { pointsPerMinute: 900, writesPerMinute: 80, retryAfter: true };

interface Window {
  start: number;
  used: number;
}
/** Counters of one account. */
interface Holder {
  readonly windows: Record<Resource, Window>;
  recent: readonly { readonly at: number; readonly write: boolean }[];
}

const resourceOf = (c: Context): Resource =>
  c.req.path.startsWith("/search/") ? "search" : c.req.path.endsWith("/graphql") ? "graphql" : "core";
const fresh = (start: number): Window => ({ start, used: 0 });

/** Counters by account: each has limits of its own. */
export class RateLimits {
  /** Enforced beside the limit per hour; null = not at all. */
  secondary: SecondaryLimits | null = null;
  readonly #holders = new Map<string, Holder>();

  #holderOf(account: string): Holder {
    const now = Date.now();
    const holder = this.#holders.get(account) ?? {
      windows: { core: fresh(now), search: fresh(now), graphql: fresh(now) },
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
    if (now - window.start >= ms) Object.assign(window, fresh(now));
    // Asking for the limits counts against none of them.
    if (c.req.path === "/rate_limit") return null;
    window.used++;
    if (window.used > limit) {
      const refusal = failure(c, 403, "API rate limit exceeded for user ID 2.");
      this.stamp(c, refusal.headers, account);
      return refusal;
    }
    if (this.secondary === null) return null;
    const { pointsPerMinute, writesPerMinute, retryAfter } = this.secondary;
    const write = !["GET", "HEAD", "OPTIONS"].includes(c.req.method);
    holder.recent = [...holder.recent.filter(({ at }) => now - at < MINUTE_MS), { at: now, write }];
    const writes = holder.recent.filter((call) => call.write).length;
    const points = holder.recent.length + writes * (WRITE_POINTS - 1);
    if (points <= pointsPerMinute && writes <= writesPerMinute) return null;
    const refusal = failure(
      c,
      403,
      "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    );
    this.stamp(c, refusal.headers, account);
    if (retryAfter)
      refusal.headers.set("retry-after", String(Math.ceil(((holder.recent[0]?.at ?? now) + MINUTE_MS - now) / 1000)));
    return refusal;
  }

  /** Takes a call back: what is answered with 304 costs nothing of the limit per hour. */
  takeBack(c: Context, account: string): void {
    const window = this.#holderOf(account).windows[resourceOf(c)];
    window.used = Math.max(0, window.used - 1);
  }

  /** Writes the counters of the account and of what was called onto an answer. */
  stamp(c: Context, headers: Headers, account: string): void {
    const resource = resourceOf(c);
    const { limit, remaining, used, reset } = this.#view(resource, account);
    headers.set("x-ratelimit-limit", String(limit));
    headers.set("x-ratelimit-remaining", String(remaining));
    headers.set("x-ratelimit-used", String(used));
    headers.set("x-ratelimit-reset", String(reset));
    headers.set("x-ratelimit-resource", resource);
  }

  /** `GET /rate_limit`. */
  onWire(account: string): Schema<"rate-limit-overview"> {
    const [core, search] = [this.#view("core", account), this.#view("search", account)];
    return { resources: { core, search, graphql: this.#view("graphql", account) }, rate: core };
  }

  #view(resource: Resource, account: string): Schema<"rate-limit"> {
    const { limit, ms } = RESOURCES[resource];
    const { start, used } = this.#holderOf(account).windows[resource];
    return { limit, used, remaining: Math.max(0, limit - used), reset: Math.ceil((start + ms) / 1000) };
  }

  /** Forgets what an account has used. */
  forget(account: string): void {
    this.#holders.delete(account);
  }
}
