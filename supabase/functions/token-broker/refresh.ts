/** Exchanges a refresh token at a provider (RFC 6749 section 6). Follows no redirect and repeats nothing that a provider says. */

/** How to reach one provider; from the function's secrets. */
export interface Provider {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** What came back. `broken`: the provider no longer accepts the refresh token. `unavailable`: nobody knows. */
export type Refreshed =
  | {
      readonly kind: "tokens";
      readonly accessToken: string;
      /** The new refresh token, or the old one where the provider does not rotate. */
      readonly refreshToken: string;
      /** Seconds; null = does not expire. */
      readonly expiresIn: number | null;
    }
  | { readonly kind: "broken" }
  | { readonly kind: "unavailable" };

const TIMEOUT_MS = 8_000;
const MAX_REPLY_BYTES = 64 * 1024;
/** RFC 6749's word, and GitHub's. */
const BROKEN: ReadonlySet<unknown> = new Set(["invalid_grant", "bad_refresh_token"]);

const isText = (value: unknown): value is string => typeof value === "string" && value.length > 0 && value.length <= 8192;

/** Asks the provider for a new access token. Never throws. */
export async function refresh(provider: Provider, refreshToken: string, fetcher: typeof fetch): Promise<Refreshed> {
  let reply: Record<string, unknown>;
  try {
    const response = await fetcher(provider.tokenUrl, {
      method: "POST",
      headers: {
        accept: "application/json",
        "content-type": "application/x-www-form-urlencoded",
        authorization: `Basic ${btoa(`${encodeURIComponent(provider.clientId)}:${encodeURIComponent(provider.clientSecret)}`)}`,
      },
      body: new URLSearchParams({ grant_type: "refresh_token", refresh_token: refreshToken }).toString(),
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (text.length > MAX_REPLY_BYTES) return { kind: "unavailable" };
    reply = JSON.parse(text) as Record<string, unknown>;
    if (BROKEN.has(reply["error"])) return { kind: "broken" };
    if (!response.ok) return { kind: "unavailable" };
  } catch {
    return { kind: "unavailable" };
  }
  const { access_token: accessToken, refresh_token: rotated, expires_in: expiresIn } = reply;
  if (!isText(accessToken)) return { kind: "unavailable" };
  const seconds = Number(expiresIn);
  return {
    kind: "tokens",
    accessToken,
    refreshToken: isText(rotated) ? rotated : refreshToken,
    expiresIn: expiresIn !== undefined && Number.isInteger(seconds) && seconds > 0 ? seconds : null,
  };
}
