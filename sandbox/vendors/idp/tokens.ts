/** Signing keys and access tokens in the shape of Supabase Auth (ES256). Holds the private keys; prints none. */
import { randomUUID } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from "jose";

/** Unit: seconds. */
const DEFAULT_LIFETIME_SECONDS = 3600;
/** How many users the seed makes. */
export const USER_COUNT = 60;

/** Subject of the n-th seeded user, counted from 1; the same as in supabase/seed.sql. */
export const userId = (n: number): string => `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;

/** What a token may differ in. `undefined` removes a claim, so that every refusal can be provoked. */
export interface TokenOptions {
  readonly sub?: string;
  /** Unit: seconds. */
  readonly lifetimeSeconds?: number;
  /** How long ago it was issued. Unit: seconds; absent = now. */
  readonly ageSeconds?: number;
  readonly claims?: Readonly<Record<string, unknown>>;
}

interface Key {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

async function makeKey(): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const kid = randomUUID();
  return {
    kid,
    privateKey,
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig", key_ops: ["verify"] },
  };
}

/** The keys of one issuer; the first signs, all are published. */
export class TokenMint {
  /** `iss` of every token; its port is known only once the listener is open. */
  issuer = "";
  #keys: readonly [Key, ...Key[]];

  private constructor(key: Key) {
    this.#keys = [key];
  }

  static async create(): Promise<TokenMint> {
    return new TokenMint(await makeKey());
  }

  jwks(): { readonly keys: readonly JWK[] } {
    return { keys: this.#keys.map(({ publicJwk }) => publicJwk) };
  }

  get signingKid(): string {
    return this.#keys[0].kid;
  }

  /** A new key signs from now on; the old ones stay published until {@link TokenMint.revoke}. */
  async rotate(): Promise<string> {
    const key = await makeKey();
    this.#keys = [key, ...this.#keys];
    return key.kid;
  }

  /** Only the signing key stays published. */
  revoke(): void {
    this.#keys = [this.#keys[0]];
  }

  /** A token of an OAuth client for `resource`: `aud` is that one string, `client_id` is there. */
  mint(resource: string, clientId: string, options: TokenOptions = {}): Promise<string> {
    return this.#sign({ aud: resource, client_id: clientId, ...options.claims }, options);
  }

  /** A token of a plain sign-in, as Supabase makes it without a hook: `aud` is "authenticated", no `client_id`. */
  mintSession(options: TokenOptions = {}): Promise<string> {
    return this.#sign({ aud: "authenticated", ...options.claims }, options);
  }

  #sign(claims: Readonly<Record<string, unknown>>, options: TokenOptions): Promise<string> {
    const [key] = this.#keys;
    const sub = options.sub ?? userId(1);
    const iat = Math.floor(Date.now() / 1000) - (options.ageSeconds ?? 0);
    const payload = {
      iss: this.issuer,
      iat,
      exp: iat + (options.lifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS),
      sub,
      role: "authenticated",
      aal: "aal1",
      session_id: randomUUID(),
      email: `user-${Number.parseInt(sub.slice(-12), 16)}@sandbox.test`,
      phone: "",
      is_anonymous: false,
      ...claims,
    };
    return new SignJWT(payload).setProtectedHeader({ alg: "ES256", kid: key.kid, typ: "JWT" }).sign(key.privateKey);
  }
}
