/**
 * The OAuth 2.1 side of the issuer: metadata, dynamic registration, authorization code with PKCE (S256), refresh with rotation.
 * Consent is given at once and in the name of a seeded user: the sandbox rehearses the gateway, not a sign-in page.
 */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { Context } from "hono";
import { isRecord } from "../../../contract/json.ts";
import { isLoopbackHost } from "../../../contract/loopback.ts";
import type { VendorApp } from "../vendor.ts";
import { USER_COUNT, userId, type TokenMint } from "./tokens.ts";

/** Unit: milliseconds. */
const CODE_LIFETIME_MS = 60_000;
const TOKEN_LIFETIME_SECONDS = 3600;
/** Difference of clocks that verifiers forgive; a token that shall end soon has to be older by as much. */
const SKEW_SECONDS = 30;

interface Grant {
  readonly clientId: string;
  readonly sub: string;
  /** As they were asked for, separated by spaces. */
  readonly scope: string;
}
interface Code extends Grant {
  readonly redirectUri: string;
  readonly challenge: string;
  readonly expiresAt: number;
}

const refusal = (c: Context, error: string, text: string, status: 400 | 401 = 400): Response =>
  c.json({ error, error_description: text }, status, { "cache-control": "no-store" });

const SCOPES = ["openid", "email", "profile", "phone"] as const;
/** Supabase's, when a client asks for none. */
const DEFAULT_SCOPE = "email";

/** @returns the scopes that are meant, or null when one of them does not exist. */
function scopeOf(asked: string | undefined): string | null {
  const names = (asked ?? "").split(" ").filter((name) => name !== "");
  if (names.length === 0) return DEFAULT_SCOPE;
  return names.every((name) => (SCOPES as readonly string[]).includes(name)) ? [...new Set(names)].join(" ") : null;
}

/** How tokens are asked for. */
export type GrantType = "authorization_code" | "refresh_token";

/** What may differ from person to person, by subject. */
export interface SignIns {
  /** Seconds until the first access token of a sign-in is refused by a verifier that allows {@link SKEW_SECONDS}; absent = an hour. */
  readonly hurried: ReadonlyMap<string, number>;
  /** Called for each grant that ended in tokens. */
  granted(sub: string, grantType: GrantType): void;
}

/** Redirects leave the sandbox only to this machine or to an app scheme. */
function isRedirect(uri: string): boolean {
  if (!URL.canParse(uri)) return false;
  const { protocol, hostname } = new URL(uri);
  return protocol === "http:" || protocol === "https:"
    ? isLoopbackHost(hostname)
    : !/^(javascript|data|file):$/.test(protocol);
}

/** Adds the OAuth endpoints below `/auth/v1`. `resource` names the audience of issued tokens. */
export function addOAuth(app: VendorApp, mint: TokenMint, resource: () => string, signIns: SignIns): void {
  const clients = new Map<string, readonly string[]>();
  const codes = new Map<string, Code>();
  const refreshTokens = new Map<string, Grant>();

  const metadata = () => ({
    issuer: mint.issuer,
    authorization_endpoint: `${mint.issuer}/oauth/authorize`,
    token_endpoint: `${mint.issuer}/oauth/token`,
    registration_endpoint: `${mint.issuer}/oauth/clients/register`,
    jwks_uri: `${mint.issuer}/.well-known/jwks.json`,
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: ["authorization_code", "refresh_token"],
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: ["none"],
    scopes_supported: SCOPES,
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  });
  app.get("/.well-known/oauth-authorization-server/auth/v1", (c) => c.json(metadata()));
  app.get("/auth/v1/.well-known/oauth-authorization-server", (c) => c.json(metadata()));
  app.get("/auth/v1/.well-known/openid-configuration", (c) => c.json(metadata()));

  app.post("/auth/v1/oauth/clients/register", async (c) => {
    const body: unknown = await c.req.json().catch(() => null);
    const uris: unknown = isRecord(body) ? body["redirect_uris"] : null;
    if (!Array.isArray(uris) || uris.length === 0 || !uris.every((uri) => typeof uri === "string" && isRedirect(uri)))
      return refusal(c, "invalid_redirect_uri", "redirect_uris must be loopback addresses or app schemes");
    const clientId = randomUUID();
    clients.set(clientId, uris as readonly string[]);
    return c.json(
      {
        ...(body as object),
        client_id: clientId,
        client_id_issued_at: Math.floor(Date.now() / 1000),
        token_endpoint_auth_method: "none",
      },
      201,
    );
  });

  app.get("/auth/v1/oauth/authorize", (c) => {
    const query = c.req.query();
    const { client_id: clientId = "", redirect_uri: redirectUri = "", code_challenge: challenge = "", state } = query;
    // Before client and redirect are known to be good, an error is shown here and never sent anywhere.
    if (!clients.get(clientId)?.includes(redirectUri))
      return refusal(c, "invalid_client", "unknown client or redirect_uri");
    const target = new URL(redirectUri);
    if (state !== undefined) target.searchParams.set("state", state);
    const scope = scopeOf(query["scope"]);
    const bad =
      query["response_type"] !== "code"
        ? "unsupported_response_type"
        : query["code_challenge_method"] !== "S256" || challenge === ""
          ? "invalid_request"
          : scope === null
            ? "invalid_scope"
            : null;
    if (bad || scope === null) target.searchParams.set("error", bad ?? "invalid_scope");
    else {
      const hinted = Number(/^user-(\d+)@/.exec(query["login_hint"] ?? "")?.[1] ?? 1);
      const code = randomBytes(32).toString("base64url");
      const sub = userId(hinted >= 1 && hinted <= USER_COUNT ? hinted : 1);
      codes.set(code, { clientId, sub, scope, redirectUri, challenge, expiresAt: Date.now() + CODE_LIFETIME_MS });
      target.searchParams.set("code", code);
    }
    return c.redirect(target.href, 302);
  });

  const issue = async (c: Context, grant: Grant, grantType: GrantType): Promise<Response> => {
    const refreshToken = randomBytes(32).toString("base64url");
    refreshTokens.set(refreshToken, grant);
    const hurried = grantType === "authorization_code" ? signIns.hurried.get(grant.sub) : undefined;
    const lifetimeSeconds = hurried ?? TOKEN_LIFETIME_SECONDS;
    const accessToken = await mint.mint(resource(), grant.clientId, {
      sub: grant.sub,
      lifetimeSeconds,
      ageSeconds: hurried === undefined ? 0 : SKEW_SECONDS,
      claims: { scope: grant.scope },
    });
    signIns.granted(grant.sub, grantType);
    // As Supabase answers: no `scope` member, whose absence means that what was asked for is granted (RFC 6749, section 5.1).
    return c.json(
      {
        access_token: accessToken,
        token_type: "bearer",
        expires_in: lifetimeSeconds,
        refresh_token: refreshToken,
      },
      200,
      {
        "cache-control": "no-store",
      },
    );
  };

  app.post("/auth/v1/oauth/token", async (c) => {
    const form = new URLSearchParams(await c.req.text());
    const clientId = form.get("client_id") ?? "";
    if (!clients.has(clientId)) return refusal(c, "invalid_client", "unknown client", 401);
    const grantType = form.get("grant_type");
    if (grantType === "authorization_code") {
      const text = form.get("code") ?? "";
      const code = codes.get(text);
      codes.delete(text);
      const challenge = createHash("sha256")
        .update(form.get("code_verifier") ?? "")
        .digest("base64url");
      const fits =
        code?.clientId === clientId && code.redirectUri === form.get("redirect_uri") && code.challenge === challenge;
      if (!code || !fits || code.expiresAt < Date.now())
        return refusal(c, "invalid_grant", "the code is unknown, used, expired or not for this request");
      return issue(c, code, grantType);
    }
    if (grantType === "refresh_token") {
      const text = form.get("refresh_token") ?? "";
      const grant = refreshTokens.get(text);
      if (grant?.clientId !== clientId) return refusal(c, "invalid_grant", "the refresh token is unknown or used");
      refreshTokens.delete(text);
      return issue(c, grant, grantType);
    }
    return refusal(c, "unsupported_grant_type", "authorization_code or refresh_token");
  });
}
