/** Exchanges a refresh token at a provider (RFC 6749 section 6). Follows no redirect and repeats nothing that a provider says. */

/**
 * How a provider wants to be asked. `rfc6749`: client by Basic, a form. `github`: client among the parameters of the form, the one
 * way that GitHub documents. `notion`: client by Basic, JSON and the dated version of the API.
 */
export const STYLES = ["rfc6749", "github", "notion"] as const;
export type Style = (typeof STYLES)[number];

/** How to reach one provider; from the function's secrets. */
export interface Provider {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Absent = `rfc6749`. */
  readonly style?: Style;
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
      /** Scopes as the provider writes them; null = it says nothing, and they are as before. */
      readonly scope: string | null;
    }
  | { readonly kind: "broken" }
  | { readonly kind: "unavailable" };

/** Unit: milliseconds. */
const TIMEOUT_MS = 4_000;
const MAX_REPLY_BYTES = 64 * 1024;
/** https://developers.notion.com/reference/refresh-a-token requires it. */
const NOTION_VERSION = "2022-06-28";
/** RFC 6749's word, and GitHub's. */
const BROKEN: ReadonlySet<unknown> = new Set(["invalid_grant", "bad_refresh_token"]);

const isText = (value: unknown): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= 8192;

const basic = (id: string, secret: string): string => `Basic ${btoa(`${id}:${secret}`)}`;

function requestFor(
  { clientId, clientSecret, style = "rfc6749" }: Provider,
  refreshToken: string,
): { headers: Record<string, string>; body: string } {
  const fields = { grant_type: "refresh_token", refresh_token: refreshToken };
  const form = { accept: "application/json", "content-type": "application/x-www-form-urlencoded" };
  switch (style) {
    case "rfc6749": {
      const authorization = basic(encodeURIComponent(clientId), encodeURIComponent(clientSecret));
      return { headers: { ...form, authorization }, body: new URLSearchParams(fields).toString() };
    }
    case "github":
      return {
        headers: form,
        body: new URLSearchParams({ ...fields, client_id: clientId, client_secret: clientSecret }).toString(),
      };
    case "notion":
      return {
        headers: {
          accept: "application/json",
          "content-type": "application/json",
          "notion-version": NOTION_VERSION,
          authorization: basic(clientId, clientSecret),
        },
        body: JSON.stringify(fields),
      };
  }
}

/** Asks the provider for a new access token. Never throws. */
export async function refresh(provider: Provider, refreshToken: string, fetcher: typeof fetch): Promise<Refreshed> {
  let reply: Record<string, unknown>;
  try {
    const response = await fetcher(provider.tokenUrl, {
      method: "POST",
      ...requestFor(provider, refreshToken),
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (text.length > MAX_REPLY_BYTES) return { kind: "unavailable" };
    reply = JSON.parse(text) as Record<string, unknown>;
    // RFC 6749 puts the reason into `error`, Notion into `code`.
    if (BROKEN.has(reply["error"]) || BROKEN.has(reply["code"])) return { kind: "broken" };
    if (!response.ok) return { kind: "unavailable" };
  } catch {
    return { kind: "unavailable" };
  }
  const { access_token: accessToken, refresh_token: rotated, expires_in: expiresIn, scope } = reply;
  if (!isText(accessToken)) return { kind: "unavailable" };
  const seconds = Number(expiresIn);
  return {
    kind: "tokens",
    accessToken,
    refreshToken: isText(rotated) ? rotated : refreshToken,
    expiresIn: expiresIn !== undefined && Number.isInteger(seconds) && seconds > 0 ? seconds : null,
    scope: typeof scope === "string" && scope.length <= 8192 ? scope : null,
  };
}
