/** Where key sets come from: the issuer's endpoint and the copy in KV. One call is one attempt; retries belong to the resolver. */
import { err, ok, type Result } from "../../contract/result.ts";
import { toBase64Url } from "../base64url.ts";
import { JWKS_EXPIRED_MS, JWKS_FETCH_TIMEOUT_MS, JWKS_MAX_BYTES, KV_MIN_SECONDS } from "../constants.ts";
import type { KeyValue, Runtime } from "../env.ts";
import { isRecord, type JsonObject } from "../../contract/json.ts";
import { readBounded } from "../read-bounded.ts";
import { parseKeySet, type KeySet, type KeySetFault, type KeySetOddity } from "./key-set.ts";

/** Keys and when the issuer published them to us. */
export interface HeldKeys {
  readonly keys: KeySet;
  /** Unit: milliseconds since the epoch. */
  readonly fetchedAt: number;
  /** The purge generation under which they were fetched. */
  readonly generation: string;
}

/** Why no key set came. */
export type FetchFault = KeySetFault | "network" | "timeout" | "status" | "size" | "json";

/** A key set with the text it was made from, which is what KV keeps. */
export interface FetchedKeys {
  readonly keys: KeySet;
  readonly oddities: readonly KeySetOddity[];
  readonly document: JsonObject;
}

/** Name of the purge generation in KV: `{"generation": "<text>", "at": "<ISO 8601>"}`; absent = never purged. */
export const GENERATION_KEY = "jwks:gen";

/** Name of the copy of one issuer's keys in KV: `jwks:` and 22 characters of SHA-256. */
export async function copyKey(url: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(url));
  return `jwks:${toBase64Url(new Uint8Array(digest)).slice(0, 22)}`;
}

const parseText = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

/** Asks the issuer once: 3 s, no redirect, at most 256 KB. */
export async function fetchKeys(runtime: Runtime, url: string): Promise<Result<FetchedKeys, FetchFault>> {
  try {
    const response = await runtime.fetch(url, {
      headers: { accept: "application/json" },
      redirect: "manual",
      signal: AbortSignal.timeout(JWKS_FETCH_TIMEOUT_MS),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      return err("status");
    }
    const bytes = await readBounded(response.body, JWKS_MAX_BYTES);
    if (!bytes) return err("size");
    const document = parseText(new TextDecoder().decode(bytes));
    if (!isRecord(document)) return err("json");
    const keys = await parseKeySet(document);
    return keys.ok ? ok({ ...keys.value, document }) : keys;
  } catch (error) {
    return err(error instanceof Error && error.name === "TimeoutError" ? "timeout" : "network");
  }
}

/** @returns null when there is no copy, or none that can be read. KV is a cache: whatever is odd about it is a miss. */
export async function readCopy(kv: KeyValue, url: string): Promise<HeldKeys | null> {
  try {
    const text = await kv.get(await copyKey(url), { type: "text", cacheTtl: KV_MIN_SECONDS });
    const value = text === null ? null : parseText(text);
    if (!isRecord(value)) return null;
    const { fetchedAt, generation } = value;
    if (typeof fetchedAt !== "number" || typeof generation !== "string") return null;
    const keys = await parseKeySet(value["keys"]);
    return keys.ok ? { keys: keys.value.keys, fetchedAt, generation } : null;
  } catch {
    return null;
  }
}

/** Leaves a copy for other isolates; a failure to do so costs them one fetch and nothing else. */
export async function writeCopy(
  kv: KeyValue,
  url: string,
  document: JsonObject,
  fetchedAt: number,
  generation: string,
): Promise<void> {
  const text = JSON.stringify({ keys: document, fetchedAt, generation });
  await kv.put(await copyKey(url), text, { expirationTtl: JWKS_EXPIRED_MS / 1000 }).catch(() => undefined);
}

/** @returns "" when nothing was ever purged; null when KV does not answer. */
export async function readGeneration(kv: KeyValue): Promise<string | null> {
  try {
    const text = await kv.get(GENERATION_KEY, { type: "text", cacheTtl: KV_MIN_SECONDS });
    if (text === null) return "";
    const value = parseText(text);
    const generation = isRecord(value) ? value["generation"] : undefined;
    // Something is there but not what we write: treat the text itself as the generation, so that a purge by hand works as well.
    return typeof generation === "string" && generation !== "" ? generation : text;
  } catch {
    return null;
  }
}
