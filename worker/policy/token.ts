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
/** RFC 9068 and OpenID Connect Core §2: at most 255 characters of ASCII, case-sensitive. */
const SUBJECT = /^[\x21-\x7e]{1,255}$/;
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

/** `aud` is ours, and nobody else's but those named. A membership test would also take a token that was made for a stranger as well. */
function isOurs(aud: unknown, { resource, auth: { alsoAudiences = [] } }: GatewayConfig): boolean {
  if (!Array.isArray(aud)) return aud === resource;
  if (new Set(aud).size < aud.length) return false;
  return aud.includes(resource) && aud.every((one) => one === resource || alsoAudiences.includes(one as string));
}

/**
 * Issuer, audience and times. Runs before the signature: a token that cannot pass must not cause a key to be fetched.
 * @param now seconds since the epoch
 */
export function issuedForUs(claims: JsonObject, config: GatewayConfig, now: number): Result<number, Denial> {
  const { iss, aud, exp, nbf, iat } = claims;
  if (iss !== config.issuer) return deny("auth.iss");
  if (!isOurs(aud, config)) return deny("auth.aud");
  if (typeof exp !== "number") return deny("auth.lifetime");
  if (exp <= now - CLOCK_TOLERANCE_SECONDS) return deny("auth.exp");
  // Without `iat` the longest lifetime could not be enforced.
  if (typeof iat !== "number" || exp - iat > config.auth.maxLifetimeSeconds) return deny("auth.lifetime");
  if (iat > now + CLOCK_TOLERANCE_SECONDS) return deny("auth.nbf");
  if (nbf !== undefined && (typeof nbf !== "number" || nbf > now + CLOCK_TOLERANCE_SECONDS)) return deny("auth.nbf");
  return ok(exp);
}

/** Names of the UUIDs that stand for subjects which are none (RFC 9562 §5.5); our own, never to be changed. */
const SUBJECT_NAMESPACE = "f8d2c2f6-9f0e-5b0a-8f5e-0c7b6a1d4e39";
/** Roles that Supabase gives to keys and strangers; whatever the configuration says, they are nobody. */
const NOBODY: ReadonlySet<unknown> = new Set(["anon", "service_role", "supabase_admin"]);

/**
 * The user's id for a subject of a provider that is not Supabase: UUIDv5 over the JSON array of issuer and subject.
 * Two issuers never share a user, and a subject that looks like a UUID is not one of ours.
 */
export async function userIdOf(issuer: string, sub: string): Promise<string> {
  const namespace = Uint8Array.from(SUBJECT_NAMESPACE.replaceAll("-", "").match(/../g) ?? [], (pair) =>
    Number.parseInt(pair, 16),
  );
  const name = new TextEncoder().encode(JSON.stringify([issuer, sub]));
  const digest = await crypto.subtle.digest("SHA-1", Uint8Array.of(...namespace, ...name));
  const bytes = new Uint8Array(digest, 0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The scopes of a token: `scope` (RFC 9068); providers other than Supabase may call it `scp`, or make a list of it. */
function scopesIn({ scope, scp }: JsonObject, oidc: boolean): ReadonlySet<unknown> {
  const held = oidc ? (scope ?? scp) : scope;
  if (typeof held === "string") return new Set(held.split(" "));
  return new Set(oidc && Array.isArray(held) ? held : []);
}

/**
 * Role, subject, anonymity, assurance, client, scopes. Runs after the signature. With a provider that is not Supabase `sub` is the
 * provider's own text; the caller makes the user's id of it ({@link userIdOf}).
 */
export function subject(claims: JsonObject, config: GatewayConfig, exp: number): Result<Identity, Denial> {
  const { role, sub, is_anonymous: anonymous, aal, azp } = claims;
  const oidc = config.auth.provider === "oidc";
  const client = claims["client_id"] ?? (oidc ? azp : undefined);
  if (oidc ? NOBODY.has(role) : role !== "authenticated") return deny("auth.role");
  if (typeof sub !== "string" || !(oidc ? SUBJECT : UUID).test(sub)) return deny("auth.sub");
  if (anonymous !== undefined && anonymous !== false && !config.auth.allowAnonymous) return deny("auth.anon");
  if (config.auth.requireAal2 && aal !== "aal2") return deny("auth.aal");
  const clientId = typeof client === "string" && /^[\x21-\x7e]{1,128}$/.test(client) ? client : null;
  if (config.auth.clientIds.length > 0 && (clientId === null || !config.auth.clientIds.includes(clientId)))
    return deny("auth.client");
  const held = scopesIn(claims, oidc);
  if ((config.auth.requiredScopes ?? []).some((required) => !held.has(required))) return deny("auth.scope");
  return ok({ sub, clientId, exp });
}
