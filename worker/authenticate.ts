/**
 * Who is calling: a raw token to a verified identity, or a denial. A token is verified in full once per isolate; afterwards its
 * SHA-256 stands for it until it expires or its key leaves the set. The token itself is never kept, and never logged.
 */
import { compactVerify } from "jose";
import { err, ok, type Result } from "../contract/result.ts";
import type { Denial } from "../contract/denial.ts";
import type { GatewayConfig } from "../contract/runtime-config.ts";
import { CLOCK_TOLERANCE_SECONDS, TOKEN_CACHE_ENTRIES } from "./constants.ts";
import type { WaitUntil } from "./env.ts";
import type { VerifyKey } from "./jwks/key-set.ts";
import type { KeyResolver } from "./jwks/resolver.ts";
import { Lru } from "./lru.ts";
import {
  issuedForUs,
  subject,
  takeApart,
  userIdOf,
  type Algorithm,
  type Identity,
  type TokenFault,
} from "./policy/token.ts";

/** A refused token; what may be logged about it. */
export interface TokenDenial extends TokenFault {
  readonly kid?: string;
}

interface Verified extends Identity {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly thumbprint: string;
}

/** Authenticates tokens of one installation. */
export class Authenticator {
  readonly #config: GatewayConfig;
  readonly #keys: KeyResolver;
  readonly #verified = new Lru<string, Verified>(TOKEN_CACHE_ENTRIES);

  constructor(config: GatewayConfig, keys: KeyResolver) {
    this.#config = config;
    this.#keys = keys;
  }

  /** Who presented this very token before, as far as it is still good. Asks nobody. @param now milliseconds since the epoch */
  async recall(token: string, now: number, waitUntil: WaitUntil): Promise<Identity | null> {
    return this.#recall(await digestOf(token), now, waitUntil);
  }

  #recall(digest: string, now: number, waitUntil: WaitUntil): Identity | null {
    const seen = this.#verified.get(digest);
    if (!seen) return null;
    if (seen.exp > now / 1000 - CLOCK_TOLERANCE_SECONDS) {
      // A key that was withdrawn takes every token that it signed with it.
      if (this.#keys.current(seen.kid, seen.alg, waitUntil)?.thumbprint === seen.thumbprint) return seen;
    }
    this.#verified.delete(digest);
    return null;
  }

  /** @param token in compact shape @param now milliseconds since the epoch */
  async authenticate(token: string, now: number, waitUntil: WaitUntil): Promise<Result<Identity, TokenDenial>> {
    const digest = await digestOf(token);
    const seen = this.#recall(digest, now, waitUntil);
    if (seen) return ok(seen);
    const result = await this.#verify(token, now, waitUntil);
    if (result.ok) this.#verified.set(digest, result.value);
    return result;
  }

  async #verify(token: string, now: number, waitUntil: WaitUntil): Promise<Result<Verified, TokenDenial>> {
    const parts = takeApart(token);
    if (!parts.ok) return parts;
    const { header, claims } = parts.value;
    const refuse = (denial: Denial): Result<Verified, TokenDenial> =>
      err({ ...denial, kid: header.kid, injectsKey: header.injectsKey });
    const exp = issuedForUs(claims, this.#config, now / 1000);
    if (!exp.ok) return refuse(exp.error);
    const key = await this.#keys.resolve(header.kid, header.alg, waitUntil);
    if (!key.ok) return refuse(key.error);
    if (!(await isSignedBy(token, key.value))) return refuse({ reason: "auth.sig" });
    const identity = subject(claims, this.#config, exp.value);
    if (!identity.ok) return refuse(identity.error);
    const { provider } = this.#config.auth;
    const sub = provider === "oidc" ? await userIdOf(this.#config.issuer, identity.value.sub) : identity.value.sub;
    return ok({ ...identity.value, sub, kid: header.kid, alg: header.alg, thumbprint: key.value.thumbprint });
  }
}

/** True when the compact JWS carries a good signature of this key with the algorithm that the key is for. */
export async function isSignedBy(token: string, { alg, key }: VerifyKey): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [alg] });
    return true;
  } catch {
    return false;
  }
}

const encoder = new TextEncoder();
/** One character per byte, and no two bytes alike; the runtime does it faster than any loop. */
const decoder = new TextDecoder("latin1");

/** A short text that stands for the token. */
const digestOf = async (token: string): Promise<string> =>
  decoder.decode(await crypto.subtle.digest("SHA-256", encoder.encode(token)));
