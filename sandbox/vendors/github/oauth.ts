/**
 * github.com's token endpoint for a GitHub App whose user tokens expire. It answers 200 even to a refusal, and forgets a refresh
 * token once it was used. https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
 */
import type { Context } from "hono";
import type { TokenShape, UserTokens } from "../user-tokens.ts";
import type { VendorApp } from "../vendor.ts";

/** `ghu_` and `ghr_` tokens; an access token is good for eight hours. */
export const GITHUB_TOKENS: TokenShape = {
  accessPrefix: "ghu_",
  refreshPrefix: "ghr_",
  accessLength: 36,
  refreshLength: 76,
  lifetimeSeconds: 28_800,
};
/** Six months. Unit: seconds. */
const REFRESH_LIFETIME_SECONDS = 15_897_600;
const DOCUMENTATION =
  "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors";

const REFUSALS = {
  incorrect_client_credentials: "The client_id and/or client_secret passed are incorrect.",
  unsupported_grant_type: "The grant_type passed is not supported.",
  bad_refresh_token: "The refresh token passed is incorrect or expired.",
} as const;

/** Clients that do not ask for JSON get a form. */
function answer(c: Context, fields: Readonly<Record<string, string | number>>): Response {
  c.header("cache-control", "no-store");
  if (c.req.header("accept")?.includes("application/json")) return c.json(fields);
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) form.set(name, String(value));
  return c.body(form.toString(), 200, { "content-type": "application/x-www-form-urlencoded; charset=utf-8" });
}

/** Adds the endpoint. Client id and secret are parameters; GitHub documents no other way. */
export function addOAuth(app: VendorApp, users: UserTokens): void {
  app.post("/login/oauth/access_token", async (c) => {
    const refuse = (error: keyof typeof REFUSALS): Response =>
      answer(c, {
        error,
        error_description: REFUSALS[error],
        error_uri: `${DOCUMENTATION}#${error.replaceAll("_", "-")}`,
      });
    const sent = new URLSearchParams(await c.req.text());
    const parameter = (name: string): string => sent.get(name) ?? c.req.query(name) ?? "";
    const { clientId, clientSecret } = users.client;
    if (parameter("client_id") !== clientId || parameter("client_secret") !== clientSecret)
      return refuse("incorrect_client_credentials");
    if (parameter("grant_type") !== "refresh_token") return refuse("unsupported_grant_type");
    const pair = users.refresh(parameter("refresh_token"));
    if (!pair) return refuse("bad_refresh_token");
    return answer(c, {
      access_token: pair.accessToken,
      expires_in: pair.expiresIn,
      refresh_token: pair.refreshToken,
      refresh_token_expires_in: REFRESH_LIFETIME_SECONDS,
      scope: "",
      token_type: "bearer",
    });
  });
}
