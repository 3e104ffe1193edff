/**
 * The security log of the gateway: one JSON line per event on the platform's log, schema shared with the origins. Never a token,
 * a secret, a body or a raw header; an address only as a keyed hash whose key changes daily. Equal lines collapse into a count.
 */
import { SAFE_NAME, type SecurityEvent } from "../contract/security-event.ts";
import { LOG_COLLAPSE_ENTRIES, LOG_COLLAPSE_MS, LOG_HELD, LOG_STRANGERS } from "./constants.ts";
import type { Runtime } from "./env.ts";
import { Lru } from "./lru.ts";

/** What the caller knows; the log adds time, layer, count and the hash of the address. */
export type GatewayEvent = Omit<SecurityEvent, "at" | "layer" | "count" | "ipHash">;

const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** HMAC key of one day: HKDF-SHA-256 of the gateway secret, so that the Worker needs no second secret. */
async function dayKey(secret: Uint8Array<ArrayBuffer>, day: string): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const info = new TextEncoder().encode(`mcpist/ip-hash/v1/${day}`);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info };
  return crypto.subtle.deriveKey(hkdf, base, { name: "HMAC", hash: "SHA-256", length: 256 }, false, ["sign"]);
}

/** 16 hex characters that stand for an address under one day's key. @param address as the limiter counts it */
async function hashOf(key: CryptoKey, address: string): Promise<string> {
  return hex(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(address))).slice(0, 16);
}

/** The hash of an address on one day. @param day `YYYY-MM-DD` */
export const ipHash = async (secret: Uint8Array<ArrayBuffer>, day: string, address: string): Promise<string> =>
  hashOf(await dayKey(secret, day), address);

/** A key id that a stranger chose: as it is when it is harmless, else as the beginning of its SHA-256. */
async function loggableKid(kid: string): Promise<string> {
  if (SAFE_NAME.test(kid)) return kid;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(kid));
  return `sha256:${hex(digest).slice(0, 16)}`;
}

/** Trouble of all requests at once, which anybody can have told again by asking again. */
const OF_ALL: ReadonlySet<string> = new Set(["jwks_unavailable", "config_invalid"]);

interface Recent {
  readonly since: number;
  /** How many were held back since. */
  more: number;
}

/** Writes events of one isolate. */
export class EventLog {
  readonly #runtime: Runtime;
  readonly #secret: Uint8Array<ArrayBuffer> | null;
  readonly #recent = new Lru<string, Recent>(LOG_COLLAPSE_ENTRIES);
  #held = 0;
  #strangers = { since: Number.NEGATIVE_INFINITY, lines: 0 };
  /** Deriving a key costs more than the line. */
  #today: { readonly day: string; readonly key: CryptoKey } | null = null;

  /** @param secret null = addresses are not logged at all */
  constructor(runtime: Runtime, secret: Uint8Array<ArrayBuffer> | null) {
    this.#runtime = runtime;
    this.#secret = secret;
  }

  /**
   * Errors and alarms of a request are always written; notices, warnings and what concerns no single request once per 10 s, and of
   * strangers {@link LOG_STRANGERS} in that time.
   */
  async write(event: GatewayEvent, address: string | null): Promise<void> {
    const now = this.#runtime.now();
    const single = event.severity !== "info" && event.severity !== "warn" && event.requestId !== null;
    if (single && !OF_ALL.has(event.event)) return this.#line(event, address, now, 1);
    const key = [event.event, event.reason, event.userId, event.origin, address].join("|");
    const last = this.#recent.get(key);
    if (last && now - last.since < LOG_COLLAPSE_MS) {
      if (++last.more === 1 && this.#held < LOG_HELD)
        await this.#tellLater(key, last, event, address, LOG_COLLAPSE_MS - (now - last.since));
      return;
    }
    if (event.userId === undefined && address !== null && !this.#hasRoomForStranger(now)) {
      // Under one key, because what a stranger is refused for may be of his choosing too.
      const { event: what, severity } = event;
      return this.write({ event: what, severity, requestId: null, reason: "from many addresses" }, null);
    }
    this.#recent.set(key, { since: now, more: 0 });
    await this.#line(event, address, now, 1 + (last?.more ?? 0));
  }

  #hasRoomForStranger(now: number): boolean {
    if (now - this.#strangers.since >= LOG_COLLAPSE_MS) this.#strangers = { since: now, lines: 0 };
    return ++this.#strangers.lines <= LOG_STRANGERS;
  }

  /** The first event that is held back stays with its request until the time is over, so that the count is told although no more come. */
  async #tellLater(key: string, last: Recent, event: GatewayEvent, address: string | null, ms: number): Promise<void> {
    this.#held++;
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.#held--;
    if (this.#recent.get(key) !== last) return;
    this.#recent.delete(key);
    await this.#line(event, address, this.#runtime.now(), last.more);
  }

  /** Derived by each request that finds none: a promise of another request may never settle, and one that failed would fail all day. */
  async #keyOf(day: string): Promise<CryptoKey | null> {
    if (this.#today?.day === day) return this.#today.key;
    const key = this.#secret && (await dayKey(this.#secret, day).catch(() => null));
    if (key) this.#today = { day, key };
    return key;
  }

  async #line(event: GatewayEvent, address: string | null, now: number, count: number): Promise<void> {
    const at = new Date(now).toISOString();
    const key = address === null ? null : await this.#keyOf(at.slice(0, 10));
    const hash = key && address !== null ? await hashOf(key, address).catch(() => undefined) : undefined;
    const line: SecurityEvent = {
      at,
      layer: "gateway",
      ...event,
      ...(event.kid === undefined ? {} : { kid: await loggableKid(event.kid) }),
      ...(count > 1 ? { count } : {}),
      ...(hash === undefined ? {} : { ipHash: hash }),
    };
    this.#runtime.log(JSON.stringify(line));
  }
}
