/**
 * The issuer's keys in this isolate: memory, then KV, then the network. Bounds on the network, whatever clients send: one fetch at a
 * time; for the age of the keys one attempt per 30 s, for key ids that are not in the set three; an isolate without any keys tries
 * again after 1, 2, 4, 8, 16 s. Failures count. Never answers "bad key" when the truth is "cannot tell": a 401 makes clients throw
 * their tokens away, so only a set that was asked for after the token came can say that its key does not exist.
 */
import { err, ok, type Result } from "../../contract/result.ts";
import type { Denial } from "../../contract/denial.ts";
import {
  JWKS_ATTEMPT_INTERVAL_MS,
  JWKS_ATTEMPTS,
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
import type { Algorithm } from "../policy/token.ts";
import type { KeySetOddity, VerifyKey } from "./key-set.ts";
import { fetchKeys, readCopy, readGeneration, writeCopy, type FetchFault, type HeldKeys } from "./source.ts";

/** Why keys are missing, late, or not what an issuer should publish. */
export type KeyTrouble = FetchFault | KeySetOddity | "stale" | "expired";

/** What the resolver needs around it. */
export interface ResolverOptions {
  readonly url: string;
  readonly runtime: Runtime;
  readonly kv: KeyValue | undefined;
  /** Told about every failed attempt, every use of keys past their time, and what is odd about a set that is used. */
  readonly report: (reason: KeyTrouble) => void;
}

const UNAVAILABLE: Denial = { reason: "auth.jwks", retryAfterSeconds: RETRY_AFTER_JWKS_SECONDS };

export class KeyResolver {
  readonly #options: ResolverOptions;
  #held: HeldKeys | null = null;
  /** A fetch of the keys. */
  readonly #fetching = new Flight();
  #copyReadAt = Number.NEGATIVE_INFINITY;
  /** When the latest attempts began, oldest first. */
  #attempts: readonly number[] = [];
  /** Attempts that were begun; a number tells an earlier one from a later one where the clock stands still. */
  #begun = 0;
  /** The attempt that brought the held set; 0 = it came from KV. */
  #broughtBy = 0;
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
  current(kid: string, alg: Algorithm, waitUntil: WaitUntil): VerifyKey | null {
    const now = this.#options.runtime.now();
    if (this.#purgeLookDue(now, JWKS_PURGE_SEEN_MS) || !this.#held || now - this.#held.fetchedAt >= JWKS_STALE_MS)
      return null;
    if (this.#purgeLookDue(now, JWKS_PURGE_LOOK_MS)) void this.#lookForPurge(waitUntil);
    if (now - this.#held.fetchedAt >= JWKS_FRESH_MS) void this.#refresh(null, waitUntil);
    const key = this.#held.keys.get(kid)?.[alg];
    return key === undefined || key === "ambiguous" ? null : key;
  }

  /** The key for a token that passed every check before its signature. Waits at most 1.5 s for fetches, its own or somebody's. */
  async resolve(kid: string, alg: Algorithm, waitUntil: WaitUntil): Promise<Result<VerifyKey, Denial>> {
    const { runtime } = this.#options;
    const before = this.#begun;
    if (this.#purgeLookDue(runtime.now(), JWKS_PURGE_SEEN_MS)) {
      const looked = await within(this.#lookForPurge(waitUntil), JWKS_WAIT_MS);
      // KV hangs: the look goes on, and nobody else waits for it.
      if (looked === LATE) this.#lookedAt = runtime.now();
    }
    const age = this.#age();
    if (this.#lists(kid)) {
      const refresh = age < JWKS_FRESH_MS ? null : this.#refresh(null, waitUntil);
      if (refresh && age >= JWKS_STALE_MS) await within(refresh, JWKS_WAIT_MS);
    }
    if (!this.#lists(kid)) {
      if ((this.#missing.get(kid) ?? 0) > runtime.now()) return err({ reason: "auth.kid" });
      await this.#ask(kid, before, waitUntil);
    }
    return this.#answer(kid, alg, before);
  }

  /**
   * Asks the issuer for a key id that is not in the set. What was under way when the token came may have missed its key, so a set
   * of that flight decides nothing: the next one does.
   */
  async #ask(kid: string, before: number, waitUntil: WaitUntil): Promise<void> {
    const { runtime } = this.#options;
    const until = runtime.now() + JWKS_WAIT_MS;
    for (let turn = 0; turn < 2 && !this.#lists(kid) && this.#broughtBy <= before; turn++) {
      const refresh = this.#refresh(kid, waitUntil);
      if (!refresh || (await within(refresh, until - runtime.now())) === LATE) return;
    }
  }

  /** Unit: milliseconds; infinite without a set. */
  #age(): number {
    return this.#held ? this.#options.runtime.now() - this.#held.fetchedAt : Number.POSITIVE_INFINITY;
  }

  #lists(kid: string): boolean {
    return this.#age() < JWKS_EXPIRED_MS && this.#held?.keys.has(kid) === true;
  }

  /** Says what the held set says about a key; `before` = attempts that had begun when the token came. */
  #answer(kid: string, alg: Algorithm, before: number): Result<VerifyKey, Denial> {
    const { runtime, report } = this.#options;
    const age = this.#age();
    if (!this.#held || age >= JWKS_EXPIRED_MS) {
      if (this.#held) report("expired");
      return err(UNAVAILABLE);
    }
    const listed = this.#held.keys.get(kid);
    if (listed) {
      if (age >= JWKS_STALE_MS) report("stale");
      const key = listed[alg];
      // Which of the two the token means cannot be told; that is the issuer's to mend, and only for this id.
      if (key === "ambiguous") return err(UNAVAILABLE);
      return key ? ok(key) : err({ reason: "auth.key" });
    }
    const now = runtime.now();
    if (this.#broughtBy <= before) return err({ reason: "auth.pending", retryAfterSeconds: this.#nextAttempt(now) });
    this.#remember(kid, now);
    return err({ reason: "auth.kid" });
  }

  /** Seconds until a key id that is not known may be asked for again. */
  #nextAttempt(now: number): number {
    const oldest = this.#attempts.at(-JWKS_ATTEMPTS);
    const wait = oldest === undefined ? 0 : oldest + JWKS_ATTEMPT_INTERVAL_MS - now;
    return wait > 0 ? Math.ceil(wait / 1000) : RETRY_AFTER_JWKS_SECONDS;
  }

  #remember(kid: string, now: number): void {
    this.#missing.delete(kid);
    this.#missing.set(kid, now + JWKS_MISSING_MS);
    const oldest = this.#missing.size > JWKS_MISSING_ENTRIES ? this.#missing.keys().next() : null;
    if (oldest?.done === false) this.#missing.delete(oldest.value);
  }

  /** @param unknown an id that is not in the set is asked for */
  #mayAsk(now: number, unknown: boolean): boolean {
    const usable = this.#age() < JWKS_EXPIRED_MS;
    if (!usable && this.#failures === 0) return true;
    const pause = usable
      ? JWKS_ATTEMPT_INTERVAL_MS
      : (JWKS_COLD_RETRY_MS[this.#failures - 1] ?? JWKS_ATTEMPT_INTERVAL_MS);
    const since = (attempt: number | undefined): number => now - (attempt ?? Number.NEGATIVE_INFINITY);
    if (since(this.#attempts.at(-1)) >= pause) return true;
    return usable && unknown && since(this.#attempts.at(-JWKS_ATTEMPTS)) >= JWKS_ATTEMPT_INTERVAL_MS;
  }

  /** Joins the flight that is under way, or starts one when the allowance permits. @returns null when it does not. */
  #refresh(kid: string | null, waitUntil: WaitUntil): Promise<void> | null {
    const now = this.#options.runtime.now();
    const joined = this.#fetching.joined(now);
    if (joined) return joined;
    const readsCopy = this.#options.kv !== undefined && now - this.#copyReadAt >= JWKS_ATTEMPT_INTERVAL_MS;
    if (!readsCopy && !this.#mayAsk(now, kid !== null)) return null;
    return this.#fetching.start(this.#fly(kid, readsCopy), now, waitUntil);
  }

  async #fly(kid: string | null, readsCopy: boolean): Promise<void> {
    const { url, runtime, kv, report } = this.#options;
    const generation = this.#generation;
    if (kv && readsCopy) {
      this.#copyReadAt = runtime.now();
      const copy = await readCopy(kv, url);
      if (copy?.generation === generation && copy.fetchedAt > (this.#held?.fetchedAt ?? 0)) this.#hold(copy, 0);
    }
    const now = runtime.now();
    const fresh = this.#age() < JWKS_FRESH_MS;
    if ((fresh && (kid === null || this.#lists(kid))) || !this.#mayAsk(now, kid !== null)) return;
    const attempt = ++this.#begun;
    this.#attempts = [...this.#attempts, now].slice(-JWKS_ATTEMPTS);
    this.#failures++;
    const fetched = await fetchKeys(runtime, url);
    if (!fetched.ok) return report(fetched.error);
    const { keys, oddities, document } = fetched.value;
    for (const oddity of oddities) report(oddity);
    const fetchedAt = runtime.now();
    this.#hold({ keys, fetchedAt, generation: generation ?? "" }, attempt);
    // KV takes few writes: a set that was fetched for a key id that nobody issued is not news.
    if (kv && generation !== null && (!fresh || (kid !== null && keys.has(kid))))
      await writeCopy(kv, url, document, fetchedAt, generation);
  }

  #hold(keys: HeldKeys, attempt: number): void {
    // A purge may have been seen while the flight was under way: keys of an older generation are not taken back.
    if (this.#generation !== null && keys.generation !== this.#generation) return;
    this.#held = keys;
    this.#broughtBy = attempt;
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
