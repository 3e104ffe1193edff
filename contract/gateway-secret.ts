/**
 * The gateway secret: its shape, its public name (kid) and the grammar of the two slots in which an origin keeps it.
 * Comparison with a presented value lives in the origin; nothing here reads an environment or logs.
 */
import { err, ok, type Result } from "./result.ts";

/** Length of a secret. Unit: bytes. */
export const SECRET_BYTES = 32;
/** Fewer different byte values than this in 32 bytes means "not random" (chance for random bytes: 3 in 10^17). */
const MIN_DISTINCT_BYTES = 16;
/** A slot that never held a secret: platforms need a value for a name that is referenced. */
export const ZERO_TOMBSTONE = "revoked:0000000000000000";
/** Variables of an origin; the slot in which a secret sits is the last letter. */
export const SLOT_VARIABLES = { a: "GATEWAY_SECRET_A", b: "GATEWAY_SECRET_B" } as const;
/** The single variable of installations older than slots; counts only while neither slot variable is set. */
export const LEGACY_VARIABLE = "GATEWAY_SECRET";

const HEX_SECRET = /^[0-9a-f]{64}$/;
const TOMBSTONE = /^revoked:([0-9a-f]{16})$/;
const KID = /^[0-9a-f]{16}$/;
const KID_MESSAGE = new TextEncoder().encode("mcpist/gateway-secret/kid/v1");

/** Which of the two places a secret sits in. */
export type SlotName = "a" | "b";
/** Why a text is not a usable secret. Names the rule, never the text. */
export type SecretFault = "shape" | "low-entropy" | "published";

/** The slot beside `slot`. */
export const otherSlot = (slot: SlotName): SlotName => (slot === "a" ? "b" : "a");
/** True for 16 lower-case hex characters. */
export const isKid = (text: string): boolean => KID.test(text);
/** The content of a slot whose secret `kid` is no longer accepted. `kid` must be 16 lower-case hex characters. */
export function tombstone(kid: string): string {
  if (!isKid(kid)) throw new TypeError("a tombstone names a kid: 16 lower-case hex characters");
  return `revoked:${kid}`;
}

/**
 * Parses a secret: exactly 64 lower-case hex characters, nothing around them.
 * Refuses low-entropy values and the published test vector, because a kid lets anybody test guesses offline.
 */
export function parseSecret(text: string): Result<Uint8Array<ArrayBuffer>, SecretFault> {
  if (!HEX_SECRET.test(text)) return err("shape");
  const bytes = new Uint8Array(SECRET_BYTES);
  for (let i = 0; i < SECRET_BYTES; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  if (new Set(bytes).size < MIN_DISTINCT_BYTES) return err("low-entropy");
  if (bytes.every((byte, i) => byte === i)) return err("published");
  return ok(bytes);
}

/**
 * The public name of a secret: the first 8 bytes, as 16 hex characters, of HMAC-SHA-256 keyed with the secret's bytes.
 * @throws {TypeError} when `secret` is not 32 bytes.
 */
export async function kidOf(secret: Uint8Array<ArrayBuffer>): Promise<string> {
  if (secret.length !== SECRET_BYTES) throw new TypeError("a gateway secret has 32 bytes");
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, KID_MESSAGE));
  return Array.from(mac.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** One parsed slot. `invalid` carries the rule that was broken, never the content. */
export type Slot =
  | { readonly kind: "unset" }
  | { readonly kind: "secret"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "revoked"; readonly kid: string }
  | { readonly kind: "invalid"; readonly fault: SecretFault };

/** Parses the content of a slot variable. An empty string is invalid, not unset: a vendor client uploaded nothing. */
export function parseSlot(text: string | undefined): Slot {
  if (text === undefined) return { kind: "unset" };
  const revoked = TOMBSTONE.exec(text)?.[1];
  if (revoked !== undefined) return { kind: "revoked", kid: revoked };
  const secret = parseSecret(text);
  return secret.ok ? { kind: "secret", bytes: secret.value } : { kind: "invalid", fault: secret.error };
}
