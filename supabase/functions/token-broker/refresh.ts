/** Exchanges a refresh token at a provider (RFC 6749 section 6). Follows no redirect and repeats nothing that a provider says. */
import { readBounded } from "./bounded.ts";
import { tokensIn, type Tokens } from "./reply.ts";

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
  | ({ readonly kind: "tokens" } & Tokens)
  | { readonly kind: "broken" }
  | { readonly kind: "unavailable" };

/** For everything that is asked of a provider in one refresh; the lease lasts 20 seconds. Unit: milliseconds. */
export const PROVIDER_TIMEOUT_MS = 9_000;
/** Before a provider that gave no answer is asked once more. Unit: milliseconds. */
const PAUSE_MS = 500;
const MAX_REPLY_BYTES = 64 * 1024;
/** https://developers.notion.com/reference/refresh-a-token requires it. */
const NOTION_VERSION = "2022-06-28";
/** RFC 6749's word, and GitHub's. */
const BROKEN: ReadonlySet<unknown> = new Set(["invalid_grant", "bad_refresh_token"]);
/** RFC 6749 answers 400 or 401, GitHub 200. What comes with any other status is not the token endpoint's own word. */
const BROKEN_STATUS: ReadonlySet<number> = new Set([200, 400, 401]);

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

/** What a provider has answered once. `silent`: no answer came, so that it may not have seen the question. */
async function askOnce(
  provider: Provider,
  refreshToken: string,
  fetcher: typeof fetch,
  signal: AbortSignal,
): Promise<Refreshed | { readonly kind: "silent" }> {
  const { headers, body } = requestFor(provider, refreshToken);
  let response: Response;
  try {
    response = await fetcher(provider.tokenUrl, {
      method: "POST",
      headers: { ...headers, "accept-encoding": "identity" },
      body,
      redirect: "manual",
      signal,
    });
  } catch {
    return { kind: "silent" };
  }
  let reply: unknown;
  try {
    const text = await readBounded(response.body, MAX_REPLY_BYTES, signal);
    if (text === null) return { kind: "unavailable" };
    reply = JSON.parse(text);
  } catch {
    return { kind: "unavailable" };
  }
  if (typeof reply !== "object" || reply === null) return { kind: "unavailable" };
  const said = reply as Record<string, unknown>;
  const tokens = response.ok ? tokensIn(said, refreshToken) : null;
  if (tokens) return { kind: "tokens", ...tokens };
  // RFC 6749 puts the reason into `error`, Notion into `code`.
  const broken = BROKEN_STATUS.has(response.status) && (BROKEN.has(said["error"]) || BROKEN.has(said["code"]));
  return { kind: broken ? "broken" : "unavailable" };
}

/**
 * Asks the provider for a new access token, and once more where no answer came: a provider that had not seen the question answers it
 * then, and one that forgives a token's second use within seconds does so now and not tomorrow. Never throws.
 */
export async function refresh(
  provider: Provider,
  refreshToken: string,
  fetcher: typeof fetch,
  sleep: (ms: number) => Promise<void>,
): Promise<Refreshed> {
  const signal = AbortSignal.timeout(PROVIDER_TIMEOUT_MS);
  let answer = await askOnce(provider, refreshToken, fetcher, signal);
  if (answer.kind === "silent" && !signal.aborted) {
    await sleep(PAUSE_MS);
    if (!signal.aborted) answer = await askOnce(provider, refreshToken, fetcher, signal);
  }
  return answer.kind === "silent" ? { kind: "unavailable" } : answer;
}
