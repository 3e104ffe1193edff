/**
 * A JSON Web Key Set from the issuer, turned into keys that can verify. What cannot be used here is skipped (RFC 7517 §5): an issuer
 * may publish keys for other algorithms and other purposes, and none of them may cost anybody the sign-in. Fetches nothing, stores nothing.
 */
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

/** What the issuer lists under one key id: the keys that may be used, by algorithm. Empty = listed, but not for us. */
export type ListedKeys = Readonly<Partial<Record<Algorithm, VerifyKey | "ambiguous">>>;

/** By key id. RFC 7517 §4.5: keys of different types may share an id. */
export type KeySet = ReadonlyMap<string, ListedKeys>;

/** Why a set is refused as a whole. */
export type KeySetFault = "shape";

/**
 * What is worth a line in the log although the rest of the set is used: a secret that was published, two different keys for one id
 * and algorithm, more usable keys than are taken.
 */
export type KeySetOddity = "symmetric" | "private" | "duplicate-kid" | "too-many";

/** A set and what is odd about it. */
export interface ParsedKeySet {
  readonly keys: KeySet;
  readonly oddities: readonly KeySetOddity[];
}

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

type Candidate = readonly [kid: string, jwk: JsonObject];

/** The members of a set that are keys with an id; what they are for is not looked at yet. */
function candidates(list: readonly unknown[], oddities: Set<KeySetOddity>): readonly Candidate[] {
  const found: Candidate[] = [];
  for (const jwk of list) {
    if (!isRecord(jwk)) continue;
    const published =
      jwk["kty"] === "oct" ? "symmetric" : PRIVATE_MEMBERS.some((name) => name in jwk) ? "private" : null;
    // Whoever reads the set could sign with such a key.
    if (published !== null) oddities.add(published);
    const kid = jwk["kid"];
    // No token that passes policy/token.ts can ask for a key without an id, or with one that is longer.
    if (typeof kid !== "string" || kid === "" || kid.length > MAX_KID_CHARACTERS) continue;
    found.push([kid, published === null ? jwk : {}]);
  }
  return found;
}

/** Parses what the issuer answered. Each key stands for itself: an odd one is skipped and takes no other with it. */
export async function parseKeySet(value: unknown): Promise<Result<ParsedKeySet, KeySetFault>> {
  const list = isRecord(value) ? value["keys"] : undefined;
  if (!Array.isArray(list)) return err("shape");
  const oddities = new Set<KeySetOddity>();
  const listed = new Map<string, Partial<Record<Algorithm, VerifyKey | "ambiguous">>>();
  const usable: Candidate[] = [];
  for (const candidate of candidates(list, oddities)) {
    listed.set(candidate[0], {});
    if (algorithmOf(candidate[1])) usable.push(candidate);
  }
  if (usable.length > JWKS_MAX_KEYS) oddities.add("too-many");
  const imported = await Promise.all(usable.slice(0, JWKS_MAX_KEYS).map(([kid, jwk]) => importKey(kid, jwk)));
  for (const key of imported) {
    const of = key && listed.get(key.kid);
    if (!of) continue;
    const other = of[key.alg];
    if (other === undefined) of[key.alg] = key;
    else if (other === "ambiguous" || other.thumbprint !== key.thumbprint) {
      of[key.alg] = "ambiguous";
      oddities.add("duplicate-kid");
    }
  }
  return ok({ keys: listed, oddities: [...oddities] });
}
