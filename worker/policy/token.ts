/**
 * An access token apart from its signature: JOSE header and claims against what this service accepts. No I/O, no clock (`now`
 * is passed in), no cryptography. The caller verifies the signature between {@link joseHeader} and {@link subject}.
 */
import { err, ok, type Result } from "../../contract/result.ts";
import type { Denial, DenialReason } from "../../contract/denial.ts";
import type { GatewayConfig } from "../../contract/runtime-config.ts";
import { fromBase64Url } from "../base64url.ts";
import {
  CLOCK_TOLERANCE_SECONDS,
  ES256_SIGNATURE_BYTES,
  MAX_JOSE_HEADER_BYTES,
  MAX_KID_CHARACTERS,
} from "../constants.ts";
import type { JsonObject } from "../../contract/json.ts";
import { parseStrictObject } from "../json.ts";

/** Signature algorithms that are accepted. A symmetric one would turn our public key into a signing key. */
export type Algorithm = "ES256" | "RS256";

/** What the JOSE header says that matters. */
export interface TokenHeader {
  readonly alg: Algorithm;
  readonly kid: string;
  /** The token brought a key or the address of one: never used, worth an event. */
  readonly injectsKey: boolean;
}

/** Who is calling, after every check. */
export interface Identity {
  /** Lower-case UUID. */
  readonly sub: string;
  readonly clientId: string | null;
  /** Unit: seconds since the epoch. */
  readonly exp: number;
}

/** RFC 9068 §4, RFC 7519 §5.1; RFC 7515 §4.1.9 makes the short names stand for the long ones. */
const TYPES: ReadonlySet<string> = new Set(["jwt", "at+jwt", "application/jwt", "application/at+jwt"]);
const KEY_MEMBERS = ["jwk", "jku", "x5u", "x5c"] as const;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const deny = (reason: DenialReason): { readonly ok: false; readonly error: Denial } => err({ reason });

/** A token taken apart; nothing in it is verified. */
export interface TokenParts {
  readonly header: TokenHeader;
  readonly claims: JsonObject;
}

/** Why a token cannot be used, and whether it brought a key. */
export interface TokenFault extends Denial {
  readonly injectsKey?: boolean;
}

const injectsKey = (jose: JsonObject): boolean => KEY_MEMBERS.some((member) => member in jose);

/** `token` has the compact shape. Row by row: encoding, JOSE header, length of the signature. */
export function takeApart(token: string): Result<TokenParts, TokenFault> {
  const [first = "", second = "", third = ""] = token.split(".");
  const head = fromBase64Url(first);
  const body = fromBase64Url(second);
  const signature = fromBase64Url(third);
  // Looked at first, so that a token that brings a key is named whatever else is wrong with it.
  const jose = head && head.length <= MAX_JOSE_HEADER_BYTES ? parseStrictObject(head) : null;
  const fault = (reason: DenialReason) => err({ reason, injectsKey: jose !== null && injectsKey(jose) });
  if (!head || !body || !signature) return fault("auth.shape");
  if (head.length > MAX_JOSE_HEADER_BYTES) return fault("auth.size");
  if (!jose) return fault("auth.shape");
  const header = joseHeader(jose);
  if (!header.ok) return fault(header.error.reason);
  if (header.value.alg === "ES256" && signature.length !== ES256_SIGNATURE_BYTES) return fault("auth.sig");
  const claims = parseStrictObject(body);
  return claims ? ok({ header: header.value, claims }) : fault("auth.shape");
}

/** `alg`, `typ`, `crit`, `kid`, in this order. */
export function joseHeader(jose: JsonObject): Result<TokenHeader, Denial> {
  const { alg, typ, kid } = jose;
  if (alg !== "ES256" && alg !== "RS256") return deny("auth.alg");
  if (typeof typ !== "string" || !TYPES.has(typ.toLowerCase())) return deny("auth.typ");
  if ("crit" in jose) return deny("auth.crit");
  if (typeof kid !== "string" || kid === "" || kid.length > MAX_KID_CHARACTERS) return deny("auth.kid");
  return ok({ alg, kid, injectsKey: injectsKey(jose) });
}

/** `aud` is one audience, ours. A membership test would also take a token that was made for us and for somebody else. */
const isOurs = (aud: unknown, resource: string): boolean =>
  aud === resource || (Array.isArray(aud) && aud.length === 1 && aud[0] === resource);

/**
 * Issuer, audience and times. Runs before the signature: a token that cannot pass must not cause a key to be fetched.
 * @param now seconds since the epoch
 */
export function issuedForUs(claims: JsonObject, config: GatewayConfig, now: number): Result<number, Denial> {
  const { iss, aud, exp, nbf, iat } = claims;
  if (iss !== config.issuer) return deny("auth.iss");
  if (!isOurs(aud, config.resource)) return deny("auth.aud");
  if (typeof exp !== "number") return deny("auth.lifetime");
  if (exp <= now - CLOCK_TOLERANCE_SECONDS) return deny("auth.exp");
  // Without `iat` the longest lifetime could not be enforced.
  if (typeof iat !== "number" || exp - iat > config.auth.maxLifetimeSeconds) return deny("auth.lifetime");
  if (iat > now + CLOCK_TOLERANCE_SECONDS) return deny("auth.nbf");
  if (nbf !== undefined && (typeof nbf !== "number" || nbf > now + CLOCK_TOLERANCE_SECONDS)) return deny("auth.nbf");
  return ok(exp);
}

/** Role, subject, anonymity, assurance, client, scopes. Runs after the signature. */
export function subject(claims: JsonObject, config: GatewayConfig, exp: number): Result<Identity, Denial> {
  const { role, sub, is_anonymous: anonymous, aal, client_id: client, scope } = claims;
  if (role !== "authenticated") return deny("auth.role");
  if (typeof sub !== "string" || !UUID.test(sub)) return deny("auth.sub");
  if (anonymous !== undefined && anonymous !== false && !config.auth.allowAnonymous) return deny("auth.anon");
  if (config.auth.requireAal2 && aal !== "aal2") return deny("auth.aal");
  const clientId = typeof client === "string" && /^[\x21-\x7e]{1,128}$/.test(client) ? client : null;
  if (config.auth.clientIds.length > 0 && (clientId === null || !config.auth.clientIds.includes(clientId)))
    return deny("auth.client");
  const held = new Set(typeof scope === "string" ? scope.split(" ") : []);
  if ((config.auth.requiredScopes ?? []).some((required) => !held.has(required))) return deny("auth.scope");
  return ok({ sub, clientId, exp });
}
