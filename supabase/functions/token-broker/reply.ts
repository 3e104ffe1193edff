/**
 * What a provider's token endpoint has said, made fit to be stored and sent on. Pure. What cannot be used is left out, and the rest is
 * kept: a refresh token that came with a useless access token is the only one that is good from now on.
 */

/** What a refresh has brought. */
export interface Tokens {
  /** Printable ASCII, at most 8192 characters; null = what came cannot be used. */
  readonly accessToken: string | null;
  /** The new refresh token, or the old one where the provider does not rotate; as above. */
  readonly refreshToken: string;
  /** Seconds, from {@link MIN_SECONDS} to {@link MAX_SECONDS}. */
  readonly expiresIn: number;
  /** Scopes as the provider writes them, at most 3072 characters; null = it says nothing usable, and they are as before. */
  readonly scope: string | null;
}

/** A token is used until a minute before its end: one that is over sooner would be refreshed at every call. Unit: seconds. */
export const MIN_SECONDS = 120;
export const MAX_SECONDS = 31_536_000;
/** Where no end is said; the provider refuses the token earlier where it ends earlier. Unit: seconds. */
export const UNSAID_SECONDS = 86_400;

/** RFC 6749, appendix A.12 and A.17: printable ASCII. Nothing else can travel in a header. */
const TOKEN = /^[\x20-\x7e]{1,8192}$/;
/** Scopes become a list of texts in the answer to an origin, which reads 16 KiB. */
const SCOPE = /^[\x20-\x7e]{0,3072}$/;
const DIGITS = /^-?\d{1,18}(?:\.\d{1,9})?$/;

/** Seconds in `expires_in`, a number or a text of digits, within the bounds. Never "for ever". */
export function secondsIn(expiresIn: unknown): number {
  const said =
    typeof expiresIn === "number" && !Number.isNaN(expiresIn)
      ? expiresIn
      : typeof expiresIn === "string" && DIGITS.test(expiresIn)
        ? Number(expiresIn)
        : UNSAID_SECONDS;
  return Math.min(Math.max(Math.floor(said), MIN_SECONDS), MAX_SECONDS);
}

/** Tokens in a reply; null when it has none that could be used. `used`: the refresh token that was sent. */
export function tokensIn(reply: Readonly<Record<string, unknown>>, used: string): Tokens | null {
  const token = (value: unknown): string | null => (typeof value === "string" && TOKEN.test(value) ? value : null);
  const accessToken = token(reply["access_token"]);
  const rotated = token(reply["refresh_token"]);
  if (accessToken === null && rotated === null) return null;
  const { scope } = reply;
  return {
    accessToken,
    refreshToken: rotated ?? used,
    expiresIn: secondsIn(reply["expires_in"]),
    scope: typeof scope === "string" && SCOPE.test(scope) ? scope : null,
  };
}
