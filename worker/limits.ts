/**
 * Limits that need a binding: address shield, failed authentications, `blocked until` markers, burst per user. Each says what
 * happens when its binding fails: the coarse ones let through, the exact one falls back to this isolate's own count.
 */
import { err, ok, type Result } from "../contract/result.ts";
import type { Denial } from "../contract/denial.ts";
import type { GatewayConfig } from "../contract/runtime-config.ts";
import { BurstCounter, type BurstVerdict } from "./burst.ts";
import {
  BURST_FALLBACK_ENTRIES,
  BURST_TIMEOUT_MS,
  KV_MIN_SECONDS,
  MARKER_CACHE_ENTRIES,
  MARKER_CACHE_MS,
  RETRY_AFTER_ADDRESS_SECONDS,
} from "./constants.ts";
import { Leases } from "./leases.ts";
import type { BurstNamespace, Counter, Env, WaitUntil } from "./env.ts";
import { isRecord } from "../contract/json.ts";
import type { ModuleCount } from "./policy/module-limit.ts";
import { Breaker } from "./policy/breaker.ts";
import { Lru } from "./lru.ts";
import { LATE, within } from "./deadline.ts";

/** Name of a user's marker in KV: `{"until": <ms since the epoch>, "reason": "burst"}`. A hint, never a lock. */
export const markerKey = (sub: string): string => `blk:u:${sub}`;

/** Which stand-in was used. */
export type Fallback = "ip_shield_fail_open" | "auth_rate_fail_open" | "marker_fail_open" | "burst_fallback";

/** Counts one event for an address. @returns true while the limit holds, and when the binding fails. */
export async function holds(counter: Counter | undefined, key: string, failed: () => void): Promise<boolean> {
  if (!counter) {
    failed();
    return true;
  }
  try {
    return (await counter.limit({ key })).success;
  } catch {
    failed();
    return true;
  }
}

/** @param reason which of the two counts per address this is */
export const overAddressLimit = (reason: "ip.shield" | "auth.rate"): Denial => ({
  reason,
  retryAfterSeconds: RETRY_AFTER_ADDRESS_SECONDS,
});

/** A refusal; `quiet` = this isolate has already told the log about this block. */
export interface LimitDenial extends Denial {
  readonly quiet?: boolean;
}

interface Marker {
  readonly until: number;
  readonly readAt: number;
  /** One line per block. */
  logged: boolean;
}

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

function refuseBlocked(marker: Marker, now: number): LimitDenial {
  const quiet = marker.logged;
  marker.logged = true;
  return { reason: "user.blocked", retryAfterSeconds: seconds(marker.until - now), quiet };
}

type BurstLimits = Pick<GatewayConfig["limits"], "burstPerSecond" | "burstLease">;

/** Per-user limits of one isolate. */
export class UserLimits {
  readonly #env: Pick<Env, "KV" | "BURST">;
  readonly #rate: number;
  readonly #lease: number;
  readonly #leases: Leases;
  readonly #fellBack: (what: Fallback) => void;
  readonly #markers = new Lru<string, Marker>(MARKER_CACHE_ENTRIES);
  /** Objects that keep failing cost a request a second each; then one at a time finds out whether they are back. */
  readonly #objects = new Breaker();
  readonly #local = new Lru<string, BurstCounter>(BURST_FALLBACK_ENTRIES);

  /** @param limits `burstLease` absent or 1 = exact */
  constructor(env: Pick<Env, "KV" | "BURST">, limits: BurstLimits, fellBack: (what: Fallback) => void) {
    this.#env = env;
    this.#rate = limits.burstPerSecond;
    this.#lease = limits.burstLease ?? 1;
    this.#leases = new Leases(this.#lease);
    this.#fellBack = fellBack;
  }

  /** The marker in KV: refuses a blocked user anywhere without waking the user's object. */
  async blocked(sub: string, now: number): Promise<Result<void, LimitDenial>> {
    let marker = this.#markers.get(sub);
    // A block that is known lasts to its end: KV may still answer from before it.
    if (!marker || (marker.until <= now && now - marker.readAt >= MARKER_CACHE_MS)) {
      marker = { until: await this.#readMarker(sub), readAt: now, logged: false };
      this.#markers.set(sub, marker);
    }
    return marker.until > now ? err(refuseBlocked(marker, now)) : ok(undefined);
  }

  async #readMarker(sub: string): Promise<number> {
    if (!this.#env.KV) return 0;
    try {
      const text = await this.#env.KV.get(markerKey(sub), { type: "text", cacheTtl: KV_MIN_SECONDS });
      const value: unknown = text === null ? null : JSON.parse(text);
      const until = isRecord(value) ? value["until"] : undefined;
      return typeof until === "number" ? until : 0;
    } catch {
      this.#fellBack("marker_fail_open");
      return 0;
    }
  }

  /** Takes one request from the user's burst. @returns how many more would be admitted at once. */
  async burst(sub: string, now: number, waitUntil: WaitUntil): Promise<Result<number, LimitDenial>> {
    const held = this.#leases.spend(sub, now);
    if (held !== null) return ok(held);
    const verdict = (await this.#ask(sub, now)) ?? this.#askLocally(sub, now);
    if (verdict.admitted) {
      // Counted from before the question: a lease never lives longer than its second.
      this.#leases.add(sub, verdict.granted - 1, now);
      return ok(verdict.remaining);
    }
    // Requests that asked at the same moment may have brought more than they needed.
    const spare = this.#leases.spend(sub, now);
    if (spare !== null) return ok(spare);
    const { blockedUntil, retryAfterMs } = verdict;
    if (blockedUntil === undefined) return err({ reason: "user.burst", retryAfterSeconds: seconds(retryAfterMs) });
    const known = this.#markers.get(sub);
    const marker = known?.until === blockedUntil ? known : { until: blockedUntil, readAt: now, logged: false };
    this.#markers.set(sub, marker);
    if (verdict.mark === true) waitUntil(this.#writeMarker(sub, blockedUntil, now));
    return err(refuseBlocked(marker, now));
  }

  /** Takes one call of a module that has a limit of its own. Its excess blocks nobody: the user's other calls go on. */
  async module(sub: string, { key, rate }: ModuleCount, now: number): Promise<Result<void, LimitDenial>> {
    // Subjects are UUIDs: no user's own count has such a name.
    const name = `${sub}/${key}`;
    const verdict = (await this.#ask(name, now, rate, 1)) ?? this.#askLocally(name, now, rate);
    return verdict.admitted
      ? ok(undefined)
      : err({ reason: "module.burst", retryAfterSeconds: seconds(verdict.retryAfterMs), quota: rate });
  }

  /** @returns null when the object does not answer, or is not asked because objects have not answered for a while. */
  async #ask(name: string, now: number, rate = this.#rate, lease = this.#lease): Promise<BurstVerdict | null> {
    const { BURST } = this.#env;
    if (!BURST || !this.#objects.admits(now)) return null;
    this.#objects.begin(now);
    const verdict = await within(this.#take(BURST, name, rate, lease), BURST_TIMEOUT_MS);
    if (verdict !== LATE && verdict !== null) {
      this.#objects.answered(now);
      return verdict;
    }
    this.#objects.failed(now);
    return null;
  }

  async #take(objects: BurstNamespace, name: string, rate: number, lease: number): Promise<BurstVerdict | null> {
    try {
      return await objects.get(objects.idFromName(name)).take(rate, lease);
    } catch {
      return null;
    }
  }

  #askLocally(name: string, now: number, rate = this.#rate): BurstVerdict {
    this.#fellBack("burst_fallback");
    const counter = this.#local.get(name) ?? new BurstCounter();
    this.#local.set(name, counter);
    return counter.take(now, rate);
  }

  async #writeMarker(sub: string, until: number, now: number): Promise<void> {
    const text = JSON.stringify({ until, reason: "burst" });
    const expirationTtl = Math.max(KV_MIN_SECONDS, Math.ceil((until - now) / 1000));
    await this.#env.KV?.put(markerKey(sub), text, { expirationTtl }).catch(() => this.#fellBack("marker_fail_open"));
  }
}
