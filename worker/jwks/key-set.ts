/** A JSON Web Key Set from the issuer, checked as a whole and turned into keys that can verify. Fetches nothing, stores nothing. */
import { calculateJwkThumbprint } from "jose";
import { err, ok, type Result } from "../../contract/result.ts";
import { fromBase64Url } from "../base64url.ts";
import { JWKS_MAX_KEYS, MAX_KID_CHARACTERS, MIN_RSA_BITS } from "../constants.ts";
import { isRecord, type JsonObject } from "../../contract/json.ts";
import type { Algorithm } from "../policy/token.ts";
import { isRocaModulus } from "./roca.ts";

/** A public key that may verify tokens of one algorithm. */
export interface VerifyKey {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly key: CryptoKey;
  /** RFC 7638: the same id with another key is another key. */
  readonly thumbprint: string;
}

/** By key id; null = the issuer lists the key, but this service does not use keys of that kind. */
export type KeySet = ReadonlyMap<string, VerifyKey | null>;

/** Why a set is refused as a whole. */
export type KeySetFault = "shape" | "too-many" | "duplicate-kid" | "symmetric" | "private";

const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] as const;
const ALGORITHMS = {
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
} as const;

/** True for the modulus (base64url) of a key that is long enough and not known to be broken. */
function isSoundModulus(n: unknown): boolean {
  const bytes = typeof n === "string" ? fromBase64Url(n) : null;
  const first = bytes?.findIndex((byte) => byte !== 0) ?? -1;
  if (!bytes || first < 0) return false;
  return (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24 >= MIN_RSA_BITS && !isRocaModulus(bytes);
}

/** @returns null when the key is of a kind that is not used here: another type, curve, size or purpose, or broken. */
function algorithmOf(jwk: JsonObject): Algorithm | null {
  const { kty, crv, use, alg, key_ops: operations } = jwk;
  if (use !== undefined && use !== "sig") return null;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) return null;
  const fits = kty === "EC" && crv === "P-256" ? "ES256" : kty === "RSA" && isSoundModulus(jwk["n"]) ? "RS256" : null;
  return alg === undefined || alg === fits ? fits : null;
}

async function importKey(kid: string, jwk: JsonObject): Promise<VerifyKey | null> {
  const alg = algorithmOf(jwk);
  if (!alg) return null;
  // Only the members that make the public key: whatever else the set says must not reach the cryptography.
  const { kty, crv, x, y, n, e } = jwk as Record<string, string>;
  const bare = alg === "ES256" ? { kty, crv, x, y } : { kty, n, e };
  try {
    const key = await crypto.subtle.importKey("jwk", bare as JsonWebKey, ALGORITHMS[alg], false, ["verify"]);
    return { kid, alg, key, thumbprint: await calculateJwkThumbprint(bare as { kty: string }) };
  } catch {
    return null;
  }
}

/** Parses what the issuer answered. One bad member makes the whole set worthless: it is not what an issuer publishes. */
export async function parseKeySet(value: unknown): Promise<Result<KeySet, KeySetFault>> {
  const list = isRecord(value) ? value["keys"] : undefined;
  if (!Array.isArray(list)) return err("shape");
  if (list.length > JWKS_MAX_KEYS) return err("too-many");
  const byKid = new Map<string, JsonObject>();
  for (const jwk of list as unknown[]) {
    if (!isRecord(jwk)) return err("shape");
    if (jwk["kty"] === "oct") return err("symmetric");
    if (PRIVATE_MEMBERS.some((member) => member in jwk)) return err("private");
    const kid = jwk["kid"];
    // A key without an id cannot be asked for.
    if (kid === undefined) continue;
    if (typeof kid !== "string" || kid === "" || kid.length > MAX_KID_CHARACTERS) return err("shape");
    if (byKid.has(kid)) return err("duplicate-kid");
    byKid.set(kid, jwk);
  }
  const keys = await Promise.all(Array.from(byKid, async ([kid, jwk]) => [kid, await importKey(kid, jwk)] as const));
  return ok(new Map(keys));
}
