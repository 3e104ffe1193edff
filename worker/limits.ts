/**
 * Limits that need a binding: address shield, failed authentications, `blocked until` markers, burst per user. Each says what
 * happens when its binding fails: the coarse ones let through, the exact one falls back to this isolate's own count.
 */
import { err, ok, type Result } from "../contract/result.ts";
import type { Denial } from "../contract/denial.ts";
import type { GatewayConfig } from "../contract/runtime-config.ts";
import { BurstCounter, type BurstVerdict } from "./burst.ts";
import { askBurst, type Terms } from "./burst-call.ts";
import {
  BURST_DEPTH,
  BURST_FALLBACK_ENTRIES,
  BURST_SILENT_MS,
  BURST_TIMEOUT_MS,
  KV_MIN_SECONDS,
  MARKER_CACHE_ENTRIES,
  MARKER_CACHE_MS,
  RETRY_AFTER_ADDRESS_SECONDS,
  SHAPE_WAIT_MS,
} from "./constants.ts";
import { Leases, leaseTerms } from "./leases.ts";
import type { BurstNamespace, Counter, Env, WaitUntil } from "./env.ts";
import { isRecord } from "../contract/json.ts";
import type { ModuleCount } from "./policy/module-limit.ts";
import { Breaker } from "./policy/breaker.ts";
import { Lru } from "./lru.ts";
import { LATE, within, type Deadlines } from "./deadline.ts";

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

type BurstLimits = Pick<GatewayConfig["limits"], "burstPerSecond" | "burstDepth" | "burstLease">;

/** Requests of a user that may start at once; never less than a second of the rate where the configuration does not say. */
export const depthOf = ({ burstPerSecond, burstDepth }: BurstLimits): number =>
  burstDepth ?? Math.max(BURST_DEPTH, burstPerSecond);

/** A request that may be served. */
export interface Admission {
  /** How many more would start at once. */
  readonly remaining: number;
  /** From the question until it may start; the caller waits. Unit: milliseconds. */
  readonly startMs: number;
}

/** Name of the object that is asked whether objects answer; users have UUIDs. */
const PROBE_NAME = "probe";

/** Per-user limits of one isolate. */
export class UserLimits {
  readonly #env: Pick<Env, "KV" | "BURST">;
  readonly #terms: Terms;
  readonly #leases: Leases;
  readonly #fellBack: (what: Fallback) => void;
  readonly #markers = new Lru<string, Marker>(MARKER_CACHE_ENTRIES);
  /** Found down only by a question of the gateway's own: a user can flood the own object, and must not switch off everybody's. */
  readonly #objects = new Breaker();
  /** Counts whose object did not answer, and until when they are kept here. */
  readonly #silent = new Lru<string, number>(BURST_FALLBACK_ENTRIES);
  readonly #ids = new Lru<string, DurableObjectId>(BURST_FALLBACK_ENTRIES);
  readonly #local = new Lru<string, BurstCounter>(BURST_FALLBACK_ENTRIES);

  /** @param limits `burstLease` absent or 1 = the object is asked for each request */
  constructor(env: Pick<Env, "KV" | "BURST">, limits: BurstLimits, fellBack: (what: Fallback) => void) {
    this.#env = env;
    const { burstPerSecond: rate, burstLease: lease = 1 } = limits;
    const { depth, lifeMs } = leaseTerms(rate, depthOf(limits), lease);
    this.#terms = { rate, depth, lease, waitMs: SHAPE_WAIT_MS };
    this.#leases = new Leases(lease, lifeMs);
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

  /** Takes one request from the user's burst: one question to the object, which answers with a time to start. */
  async burst(
    sub: string,
    now: number,
    waitUntil: WaitUntil,
    deadlines: Deadlines,
  ): Promise<Result<Admission, LimitDenial>> {
    const held = this.#leases.spend(sub, now);
    if (held !== null) return ok({ remaining: held, startMs: 0 });
    const verdict =
      (await this.#ask(sub, now, this.#terms, waitUntil, deadlines)) ?? this.#askLocally(sub, now, this.#terms);
    if (verdict.admitted) {
      // Counted from before the question: a lease never lives longer than the count allows for.
      this.#leases.add(sub, verdict.granted - 1, now);
      return ok({ remaining: verdict.remaining, startMs: verdict.startMs });
    }
    // Requests that asked at the same moment may have brought more than they needed.
    const spare = this.#leases.spend(sub, now);
    if (spare !== null) return ok({ remaining: spare, startMs: 0 });
    const { blockedUntil, retryAfterMs } = verdict;
    if (blockedUntil === undefined) return err({ reason: "user.burst", retryAfterSeconds: seconds(retryAfterMs) });
    const known = this.#markers.get(sub);
    const marker = known?.until === blockedUntil ? known : { until: blockedUntil, readAt: now, logged: false };
    this.#markers.set(sub, marker);
    if (verdict.mark === true) waitUntil(this.#writeMarker(sub, blockedUntil, now));
    return err(refuseBlocked(marker, now));
  }

  /** Takes one call of a module that has a limit of its own. Its excess blocks nobody: the user's other calls go on. */
  async module(
    sub: string,
    { key, rate }: ModuleCount,
    now: number,
    waitUntil: WaitUntil,
    deadlines: Deadlines,
  ): Promise<{ readonly retryAfterMs: number } | null> {
    // Subjects are UUIDs: no user's own count has such a name.
    const name = `${sub}/${key}`;
    const terms = { rate, depth: rate, lease: 1, waitMs: 0 };
    const verdict = (await this.#ask(name, now, terms, waitUntil, deadlines)) ?? this.#askLocally(name, now, terms);
    return verdict.admitted ? null : { retryAfterMs: verdict.retryAfterMs };
  }

  /** @returns null when the object does not answer, or is not asked because it or all objects have not answered for a while. */
  async #ask(
    name: string,
    now: number,
    terms: Terms,
    waitUntil: WaitUntil,
    deadlines: Deadlines,
  ): Promise<BurstVerdict | null> {
    const { BURST } = this.#env;
    if (!BURST) return null;
    if (!this.#objects.admits || (this.#silent.get(name) ?? 0) > now) {
      this.#probeObjects(BURST, now, waitUntil);
      return null;
    }
    const verdict = await deadlines.within(this.#take(BURST, name, terms), BURST_TIMEOUT_MS);
    if (verdict !== LATE && verdict !== null) return verdict;
    this.#silent.set(name, now + BURST_SILENT_MS);
    this.#objects.suspect();
    this.#probeObjects(BURST, now, waitUntil);
    return null;
  }

  #probeObjects(objects: BurstNamespace, now: number, waitUntil: WaitUntil): void {
    if (!this.#objects.takeProbe(now)) return;
    const asked = within(this.#take(objects, PROBE_NAME, { rate: 1, depth: 1, lease: 1, waitMs: 0 }), BURST_TIMEOUT_MS);
    waitUntil(asked.then((verdict) => this.#objects.judge(now, now, verdict !== LATE && verdict !== null)));
  }

  async #take(objects: BurstNamespace, name: string, terms: Terms): Promise<BurstVerdict | null> {
    try {
      return await askBurst(objects.get(this.#idOf(objects, name)), terms);
    } catch {
      return null;
    }
  }

  /** Making an id out of a name costs a digest. */
  #idOf(objects: BurstNamespace, name: string): DurableObjectId {
    const known = this.#ids.get(name);
    if (known) return known;
    const id = objects.idFromName(name);
    this.#ids.set(name, id);
    return id;
  }

  #askLocally(name: string, now: number, { rate, depth, waitMs }: Terms): BurstVerdict {
    this.#fellBack("burst_fallback");
    const counter = this.#local.get(name) ?? new BurstCounter();
    this.#local.set(name, counter);
    return counter.take(now, rate, 1, depth, waitMs);
  }

  async #writeMarker(sub: string, until: number, now: number): Promise<void> {
    const text = JSON.stringify({ until, reason: "burst" });
    const expirationTtl = Math.max(KV_MIN_SECONDS, Math.ceil((until - now) / 1000));
    await this.#env.KV?.put(markerKey(sub), text, { expirationTtl }).catch(() => this.#fellBack("marker_fail_open"));
  }
}
