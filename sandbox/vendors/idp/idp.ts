/**
 * Supabase Auth on loopback: the keys, the OAuth endpoints and the plain sign-in of seeded users.
 * Tokens of OAuth clients carry the MCP resource as their one audience, as the access-token hook of supabase/ makes them.
 */
import { Hono } from "hono";
import { isRecord } from "../../../contract/json.ts";
import { failing, listen, withFaults, type VendorApp, type VendorContext } from "../vendor.ts";
import { addOAuth, type GrantType } from "./oauth.ts";
import { TokenMint, USER_COUNT, userId, type TokenOptions } from "./tokens.ts";

/** OAuth client of the tokens that {@link Idp.mint} makes. */
const SANDBOX_CLIENT_ID = "sandbox-client";
/** Password of every seeded user in the plain sign-in. The sandbox's own, on loopback only. */
const PASSWORD = "sandbox";

/** The running issuer. */
export interface Idp {
  /** With `/auth/v1`, no trailing slash. */
  readonly issuer: string;
  /** The audience of issued tokens; must be set before the first one is asked for. */
  setResource(url: string): void;
  /** An access token for the MCP resource. `claims` override, `undefined` removes. */
  readonly mint: (options?: TokenOptions) => Promise<string>;
  /** The first access token of each sign-in of a user is refused so many seconds after it was issued, by a gateway that allows 30 s. */
  hurry(sub: string, seconds: number): void;
  /** How often a user was given tokens, by grant type. */
  grants(sub: string): Readonly<Record<GrantType, number>>;
  /** A new signing key. The old one stays published unless `revoke` is set. @returns the new key's id. */
  rotateKey(options?: { readonly revoke?: boolean }): Promise<string>;
  close(): Promise<void>;
}

/** Starts the issuer. @throws when the port is taken. */
export async function startIdp(context: VendorContext): Promise<Idp> {
  let resource = "";
  const app: VendorApp = new Hono();
  app.onError(failing("idp", context));
  const mint = await TokenMint.create();
  const resourceUrl = (): string => {
    if (resource === "") throw new TypeError("setResource comes before the first token");
    return resource;
  };

  // Supabase's edge keeps the keys for ten minutes; here they are short-lived so that a rotation can be watched.
  app.get("/auth/v1/.well-known/jwks.json", (c) => c.json(mint.jwks(), 200, { "cache-control": "public, max-age=2" }));
  const hurried = new Map<string, number>();
  const grants: { readonly sub: string; readonly grantType: GrantType }[] = [];
  addOAuth(app, mint, resourceUrl, { hurried, granted: (sub, grantType) => void grants.push({ sub, grantType }) });
  app.post("/auth/v1/token", async (c) => {
    if (c.req.query("grant_type") !== "password") return c.json({ error: "unsupported_grant_type" }, 400);
    const body: unknown = await c.req.json().catch(() => null);
    const { email = "", password = "" } = isRecord(body) ? body : { email: null };
    if (typeof email !== "string" || typeof password !== "string")
      return c.json({ code: 400, error_code: "bad_json", msg: "Could not parse request body as JSON" }, 400);
    const n = Number(/^user-(\d+)@sandbox\.test$/.exec(email)?.[1] ?? 0);
    if (n < 1 || n > USER_COUNT || password !== PASSWORD)
      return c.json({ code: 400, error_code: "invalid_credentials", msg: "Invalid login credentials" }, 400);
    return c.json({
      access_token: await mint.mintSession({ sub: userId(n) }),
      token_type: "bearer",
      expires_in: 3600,
      user: { id: userId(n), email },
    });
  });
  app.get("/auth/v1/health", (c) => c.json({ name: "GoTrue", description: "imitated by the mcpist sandbox" }));

  const listener = await listen(withFaults("idp", context, app), context.port("idp"));
  mint.issuer = `${listener.url}/auth/v1`;
  return {
    issuer: mint.issuer,
    setResource(url) {
      resource = url;
    },
    mint: (options) => mint.mint(resourceUrl(), SANDBOX_CLIENT_ID, options),
    hurry: (sub, seconds) => void hurried.set(sub, seconds),
    grants(sub) {
      const count = (type: GrantType) => grants.filter((grant) => grant.sub === sub && grant.grantType === type).length;
      return { authorization_code: count("authorization_code"), refresh_token: count("refresh_token") };
    },
    async rotateKey(options = {}) {
      const kid = await mint.rotate();
      if (options.revoke === true) mint.revoke();
      return kid;
    },
    close: () => listener.close(),
  };
}
