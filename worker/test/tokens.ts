/** Keys, key sets and tokens as the issuer makes them, and a way to make every other kind. */
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from "jose";

/** A signing key of a test issuer. */
export interface IssuerKey {
  readonly kid: string;
  readonly alg: "ES256" | "RS256";
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export async function makeKey(kid: string, alg: "ES256" | "RS256" = "ES256"): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

export const ISSUER = "https://issuer.test/auth/v1";
export const RESOURCE = "https://mcp.example.com/mcp";
export const SUBJECT = "11111111-2222-4333-8444-555555555555";

/** Claims of an ordinary access token. @param now seconds since the epoch */
export const claimsAt = (now: number, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  iss: ISSUER,
  aud: RESOURCE,
  exp: now + 3600,
  iat: now,
  sub: SUBJECT,
  role: "authenticated",
  aal: "aal1",
  session_id: "99999999-2222-4333-8444-555555555555",
  is_anonymous: false,
  client_id: "client-1",
  ...more,
});

export async function signToken(
  key: IssuerKey,
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: key.alg, typ: "JWT", kid: key.kid, ...header })
    .sign(key.privateKey);
}
