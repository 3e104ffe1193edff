/**
 * The issuer's keys in this isolate: memory, then KV, then the network. Bounds on the network, whatever clients send: one fetch
 * at a time, one attempt per 30 s with failures included; an isolate without any keys may try again after 1, 2, 4, 8, 16 s.
 * Never answers "bad key" when the truth is "cannot tell": a 401 makes clients throw their tokens away.
 */
import { err, ok, type Result } from "../../contract/result.ts";
import type { Denial } from "../../contract/denial.ts";
import {
  JWKS_ATTEMPT_INTERVAL_MS,
  JWKS_COLD_RETRY_MS,
  JWKS_EXPIRED_MS,
  JWKS_FRESH_MS,
  JWKS_MISSING_ENTRIES,
  JWKS_MISSING_MS,
  JWKS_PURGE_LOOK_MS,
  JWKS_PURGE_SEEN_MS,
  JWKS_STALE_MS,
  JWKS_WAIT_MS,
  RETRY_AFTER_JWKS_SECONDS,
} from "../constants.ts";
import type { KeyValue, Runtime, WaitUntil } from "../env.ts";
import { LATE, within } from "../deadline.ts";
import { Flight } from "./flight.ts";
import type { VerifyKey } from "./key-set.ts";
import { fetchKeys, readCopy, readGeneration, writeCopy, type FetchFault, type HeldKeys } from "./source.ts";

/** What the resolver needs around it. */
export interface ResolverOptions {
  readonly url: string;
  readonly runtime: Runtime;
  readonly kv: KeyValue | undefined;
  /** Told about every failed attempt and every use of keys past their time. */
  readonly report: (reason: FetchFault | "stale" | "expired") => void;
}

const UNAVAILABLE: Denial = { reason: "auth.jwks", retryAfterSeconds: RETRY_AFTER_JWKS_SECONDS };

export class KeyResolver {
  readonly #options: ResolverOptions;
  #held: HeldKeys | null = null;
  /** A fetch of the keys. */
  readonly #fetching = new Flight();
  #copyReadAt = Number.NEGATIVE_INFINITY;
  #attemptAt = Number.NEGATIVE_INFINITY;
  /** Attempts since a set was last obtained; an attempt counts from its start, because its owner may die. */
  #failures = 0;
  /** null until KV was asked: keys that are fetched before are held, but never written for others. */
  #generation: string | null = null;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** A look for a purge. */
  readonly #looking = new Flight();
  /** Key id -> until when it counts as missing. Insertion order is age. */
  readonly #missing = new Map<string, number>();

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /**
   * The key as far as it can be had without waiting; refreshes behind the request when the set is no longer fresh.
   * @returns null when {@link KeyResolver.resolve} has to be asked.
   */
  current(kid: string, waitUntil: WaitUntil): VerifyKey | null {
    const now = this.#options.runtime.now();
    if (this.#purgeLookDue(now, JWKS_PURGE_SEEN_MS) || !this.#held || now - this.#held.fetchedAt >= JWKS_STALE_MS)
      return null;
    if (this.#purgeLookDue(now, JWKS_PURGE_LOOK_MS)) void this.#lookForPurge(waitUntil);
    if (now - this.#held.fetchedAt >= JWKS_FRESH_MS) void this.#refresh(null, waitUntil);
    return this.#held.keys.get(kid) ?? null;
  }

  /** The key for a token that passed every check before its signature. Waits at most 1.5 s for somebody's fetch. */
  async resolve(kid: string, waitUntil: WaitUntil): Promise<Result<VerifyKey, Denial>> {
    const { runtime } = this.#options;
    if (this.#purgeLookDue(runtime.now(), JWKS_PURGE_SEEN_MS)) {
      const looked = await within(this.#lookForPurge(waitUntil), JWKS_WAIT_MS);
      // KV hangs: the look goes on, and nobody else waits for it.
      if (looked === LATE) this.#lookedAt = runtime.now();
    }
    const now = runtime.now();
    if ((this.#missing.get(kid) ?? 0) > now) return err({ reason: "auth.kid" });
    const age = this.#held ? now - this.#held.fetchedAt : Number.POSITIVE_INFINITY;
    const known = age < JWKS_EXPIRED_MS && this.#held?.keys.has(kid) === true;
    const refresh = known && age < JWKS_FRESH_MS ? null : this.#refresh(kid, waitUntil);
    if (refresh && !(known && age < JWKS_STALE_MS)) await within(refresh, JWKS_WAIT_MS);
    return this.#answer(kid, refresh !== null);
  }

  /** Says what the held set says about `kid`; `asked` = a refresh was under way for it. */
  #answer(kid: string, asked: boolean): Result<VerifyKey, Denial> {
    const now = this.#options.runtime.now();
    const held = this.#held;
    const age = held ? now - held.fetchedAt : Number.POSITIVE_INFINITY;
    if (!held || age >= JWKS_EXPIRED_MS) {
      if (held) this.#options.report("expired");
      return err(UNAVAILABLE);
    }
    const key = held.keys.get(kid);
    if (key !== undefined && age >= JWKS_STALE_MS) this.#options.report("stale");
    if (key !== undefined) return key ? ok(key) : err({ reason: "auth.key" });
    // Only a set that was asked for just now can say that a key does not exist.
    if (age > JWKS_ATTEMPT_INTERVAL_MS) return err(UNAVAILABLE);
    if (asked) this.#remember(kid, now);
    return err({ reason: "auth.kid" });
  }

  #remember(kid: string, now: number): void {
    this.#missing.delete(kid);
    this.#missing.set(kid, now + JWKS_MISSING_MS);
    const oldest = this.#missing.size > JWKS_MISSING_ENTRIES ? this.#missing.keys().next() : null;
    if (oldest?.done === false) this.#missing.delete(oldest.value);
  }

  #mayAsk(now: number): boolean {
    const usable = this.#held !== null && now - this.#held.fetchedAt < JWKS_EXPIRED_MS;
    if (!usable && this.#failures === 0) return true;
    const pause = usable
      ? JWKS_ATTEMPT_INTERVAL_MS
      : (JWKS_COLD_RETRY_MS[this.#failures - 1] ?? JWKS_ATTEMPT_INTERVAL_MS);
    return now - this.#attemptAt >= pause;
  }

  /** Joins the flight that is under way, or starts one when the allowance permits. @returns null when it does not. */
  #refresh(kid: string | null, waitUntil: WaitUntil): Promise<void> | null {
    const now = this.#options.runtime.now();
    const joined = this.#fetching.joined(now);
    if (joined) return joined;
    const readsCopy = this.#options.kv !== undefined && now - this.#copyReadAt >= JWKS_ATTEMPT_INTERVAL_MS;
    if (!readsCopy && !this.#mayAsk(now)) return null;
    return this.#fetching.start(this.#fly(kid, readsCopy), now, waitUntil);
  }

  async #fly(kid: string | null, readsCopy: boolean): Promise<void> {
    const { url, runtime, kv, report } = this.#options;
    const generation = this.#generation;
    if (kv && readsCopy) {
      this.#copyReadAt = runtime.now();
      const copy = await readCopy(kv, url);
      if (copy?.generation === generation && copy.fetchedAt > (this.#held?.fetchedAt ?? 0)) this.#hold(copy);
    }
    const now = runtime.now();
    const fresh = this.#held !== null && now - this.#held.fetchedAt < JWKS_FRESH_MS;
    if ((fresh && (kid === null || this.#held?.keys.has(kid) === true)) || !this.#mayAsk(now)) return;
    this.#attemptAt = now;
    this.#failures++;
    const fetched = await fetchKeys(runtime, url);
    if (!fetched.ok) return report(fetched.error);
    const fetchedAt = runtime.now();
    this.#hold({ keys: fetched.value.keys, fetchedAt, generation: generation ?? "" });
    // KV takes few writes: a set that was fetched for a key id that nobody issued is not news.
    if (kv && generation !== null && (!fresh || (kid !== null && fetched.value.keys.has(kid))))
      await writeCopy(kv, url, fetched.value.document, fetchedAt, generation);
  }

  #hold(keys: HeldKeys): void {
    // A purge may have been seen while the flight was under way: keys of an older generation are not taken back.
    if (this.#generation !== null && keys.generation !== this.#generation) return;
    this.#held = keys;
    this.#failures = 0;
  }

  #purgeLookDue(now: number, after: number): boolean {
    return this.#options.kv !== undefined && now - this.#lookedAt >= after;
  }

  /** Joins the look that is under way, or starts one. Who is due waits for it: nobody may fetch keys for a generation of the past. */
  #lookForPurge(waitUntil: WaitUntil): Promise<void> {
    const { kv, runtime } = this.#options;
    const now = runtime.now();
    if (!kv) return Promise.resolve();
    return this.#looking.joined(now) ?? this.#looking.start(this.#readPurge(kv, now), now, waitUntil);
  }

  async #readPurge(kv: KeyValue, now: number): Promise<void> {
    const generation = await readGeneration(kv);
    this.#lookedAt = now;
    if (generation === null || generation === this.#generation) return;
    this.#generation = generation;
    this.#missing.clear();
    if (this.#held && this.#held.generation !== generation) {
      this.#held = null;
      this.#copyReadAt = Number.NEGATIVE_INFINITY;
    }
  }
}
