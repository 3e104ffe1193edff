/**
 * The issuer's own authorization server metadata (RFC 8414), handed on byte for byte. Revision 2025-03-26 has clients look for it at
 * the MCP host, where newer ones read `authorization_servers` and ask the issuer themselves. Only the issuer is asked, redirects are
 * not followed, and a document that names another issuer is not used (RFC 8414 §3.3).
 */
import { isRecord } from "../contract/json.ts";
import {
  ISSUER_METADATA_EXPIRED_MS,
  ISSUER_METADATA_FRESH_MS,
  ISSUER_METADATA_MAX_BYTES,
  ISSUER_METADATA_PAUSE_MS,
  JWKS_FETCH_TIMEOUT_MS,
} from "./constants.ts";
import { within } from "./deadline.ts";
import type { Runtime, WaitUntil } from "./env.ts";
import { Flight } from "./jwks/flight.ts";
import { readBounded } from "./read-bounded.ts";

/** Why there is no document. `absent` = the issuer says that it has none; the rest is trouble. */
export type MetadataFault = "absent" | "network" | "timeout" | "status" | "size" | "json" | "issuer";

type Bytes = Uint8Array<ArrayBuffer>;
/** What the issuer publishes, or why nothing can be handed on: `absent`, or `unavailable` for all the rest. */
export type IssuerDocument = Bytes | "absent" | "unavailable";

/** What it takes to ask. */
export interface IssuerMetadataOptions {
  /** As the configuration writes it. */
  readonly issuer: string;
  readonly runtime: Runtime;
  /** Told about every failed attempt. */
  readonly report: (reason: MetadataFault) => void;
}

/** Statuses that say "not here" rather than "not now". */
const ABSENT: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 406, 410]);

/** Where an issuer may publish its metadata, most proper first: RFC 8414 §3.1, OpenID Connect Discovery, and the common mistake. */
export function metadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  const urls = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}${path}/.well-known/oauth-authorization-server`,
  ];
  return [...new Set(urls)];
}

/** The document of one issuer in one isolate. Whatever clients ask, the issuer sees one attempt at a time and one per 30 s. */
export class IssuerMetadata {
  readonly #options: IssuerMetadataOptions;
  readonly #flight = new Flight();
  #held: { readonly bytes: Bytes; readonly fetchedAt: number } | null = null;
  #attemptAt = Number.NEGATIVE_INFINITY;
  #fault: MetadataFault | null = null;

  constructor(options: IssuerMetadataOptions) {
    this.#options = options;
  }

  /** Fresh for ten minutes; up to a day old while the issuer cannot be reached. Waits for it at most 3 s, and only without a copy. */
  async document(waitUntil: WaitUntil): Promise<IssuerDocument> {
    const { runtime } = this.#options;
    const age = (): number => (this.#held ? runtime.now() - this.#held.fetchedAt : Number.POSITIVE_INFINITY);
    if (age() >= ISSUER_METADATA_FRESH_MS) {
      const asked = this.#ask(waitUntil);
      if (asked && age() >= ISSUER_METADATA_EXPIRED_MS) await within(asked, JWKS_FETCH_TIMEOUT_MS);
    }
    if (this.#held && age() < ISSUER_METADATA_EXPIRED_MS) return this.#held.bytes;
    return this.#fault === "absent" ? "absent" : "unavailable";
  }

  /** @returns null when the issuer was asked a moment ago and nothing is under way. */
  #ask(waitUntil: WaitUntil): Promise<void> | null {
    const now = this.#options.runtime.now();
    const joined = this.#flight.joined(now);
    if (joined) return joined;
    if (now - this.#attemptAt < ISSUER_METADATA_PAUSE_MS) return null;
    this.#attemptAt = now;
    return this.#flight.start(this.#fetchAll(), now, waitUntil);
  }

  async #fetchAll(): Promise<void> {
    const { issuer, runtime, report } = this.#options;
    const signal = AbortSignal.timeout(JWKS_FETCH_TIMEOUT_MS);
    let fault: MetadataFault = "absent";
    for (const url of metadataUrls(issuer)) {
      const fetched = await fetchDocument(runtime, url, issuer, signal);
      if (typeof fetched !== "string") {
        this.#held = { bytes: fetched, fetchedAt: runtime.now() };
        this.#fault = null;
        return;
      }
      // Trouble at one of the places means that "absent" at another proves nothing.
      if (fault === "absent") fault = fetched;
    }
    this.#fault = fault;
    report(fault);
  }
}

async function fetchDocument(
  runtime: Runtime,
  url: string,
  issuer: string,
  signal: AbortSignal,
): Promise<Bytes | MetadataFault> {
  try {
    const response = await runtime.fetch(url, { headers: { accept: "application/json" }, redirect: "manual", signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      return ABSENT.has(response.status) ? "absent" : "status";
    }
    const bytes = await readBounded(response.body, ISSUER_METADATA_MAX_BYTES);
    if (!bytes) return "size";
    const document = parse(bytes);
    if (!isRecord(document)) return "json";
    return document["issuer"] === issuer ? bytes : "issuer";
  } catch (error) {
    return error instanceof Error && error.name === "TimeoutError" ? "timeout" : "network";
  }
}

function parse(bytes: Bytes): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return null;
  }
}
