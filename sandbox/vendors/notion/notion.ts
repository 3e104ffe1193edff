/**
 * api.notion.com on loopback: search, pages and blocks of one workspace for the tokens of a public connection, and its token
 * endpoint. What is not imitated is a 404 that is reported by name.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { Hono, type Context } from "hono";
import { UserTokens, type TokenShape } from "../user-tokens.ts";
import { failing, listen, withFaults, type VendorApp, type VendorContext } from "../vendor.ts";
import { addRoutes } from "./routes.ts";
import { failure, objectBody } from "./wire.ts";
import { Workspace } from "./workspace.ts";

/** https://developers.notion.com/reference/changes-by-version; only the first is imitated, the shapes of the others differ. */
const VERSIONS = ["2022-06-28", "2021-05-13", "2021-08-16", "2022-02-22", "2025-09-03", "2026-03-11"] as const;
/** An average of three requests a second, which may come at once; the wait is the rest of the window. */
const WINDOW_MS = 60_000;
const PER_WINDOW = 180;
/** Notion says neither how long an access token is good nor, in the answer, that it ends at all. Unit: seconds. */
const NOTION_TOKENS: TokenShape = {
  accessPrefix: "ntn_",
  refreshPrefix: "nrt_",
  accessLength: 46,
  refreshLength: 46,
  lifetimeSeconds: 3600,
};

/** The running emulator, and what only a test or the seed may do. */
export interface Notion {
  readonly url: string;
  readonly workspace: Workspace;
  readonly users: UserTokens;
  /** Forgets what each connection has used of its limit. */
  forgetLimits(): void;
  close(): Promise<void>;
}

/** Starts the emulator with an empty workspace. @throws when the port is taken. */
export async function startNotion(context: VendorContext): Promise<Notion> {
  const workspace = new Workspace();
  const users = new UserTokens(NOTION_TOKENS, {
    clientId: randomUUID(),
    clientSecret: `secret_${randomBytes(24).toString("hex")}`,
  });
  const windows = new Map<string, { readonly start: number; used: number }>();
  const app: VendorApp = new Hono();
  app.onError(failing("notion", context));

  addToken(app, users, workspace);
  app.use(async (c, next) => {
    const token = /^Bearer (\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
    const user = users.userOf(token);
    if (user === null) return failure(c, "unauthorized", "API token is invalid.");
    const refusal = refuseVersion(c) ?? limited(c, windows, user);
    return refusal ?? next();
  });
  addRoutes(app, workspace);

  const listener = await listen(withFaults("notion", context, app), context.port("notion"));
  return { url: listener.url, workspace, users, forgetLimits: () => windows.clear(), close: () => listener.close() };
}

/** @returns null when the call may go on. */
function refuseVersion(c: Context): Response | Promise<Response> | null {
  const version = c.req.header("notion-version");
  if (version === VERSIONS[0]) return null;
  const failed = "Notion-Version header failed validation: Notion-Version header should be";
  if (version === undefined) return failure(c, "missing_version", `${failed} defined, instead was \`undefined\`.`);
  if ((VERSIONS as readonly string[]).includes(version)) return c.notFound();
  const known = VERSIONS.map((name) => `\`"${name}"\``).join(", ");
  return failure(c, "validation_error", `${failed} ${known}, instead was \`${JSON.stringify(version)}\`.`);
}

/** Counts the call of a connection. @returns the refusal, or null. */
function limited(
  c: Context,
  windows: Map<string, { readonly start: number; used: number }>,
  user: string,
): Response | null {
  const now = Date.now();
  const known = windows.get(user);
  const window = known && now - known.start < WINDOW_MS ? known : { start: now, used: 0 };
  windows.set(user, window);
  if (++window.used <= PER_WINDOW) return null;
  c.header("retry-after", String(Math.max(1, Math.ceil((window.start + WINDOW_MS - now) / 1000))));
  return failure(c, "rate_limited", "You have been rate limited. Please try again in a few minutes.");
}

/** The token endpoint: client by Basic, body in JSON, version as everywhere. https://developers.notion.com/reference/refresh-a-token */
function addToken(app: VendorApp, users: UserTokens, workspace: Workspace): void {
  app.post("/v1/oauth/token", async (c) => {
    const { clientId, clientSecret } = users.client;
    const basic = Buffer.from(`${clientId}:${clientSecret}`).toString("base64");
    if (c.req.header("authorization") !== `Basic ${basic}`) return failure(c, "unauthorized", "API token is invalid.");
    const refused = refuseVersion(c);
    if (refused) return refused;
    const body = c.req.header("content-type")?.startsWith("application/json") ? await objectBody(c) : null;
    if (!body) return failure(c, "invalid_json", "Error parsing JSON body.");
    // Codes of the first step come from a sign-in page, which is not imitated.
    if (body["grant_type"] !== "refresh_token") return c.notFound();
    const pair = users.refresh(typeof body["refresh_token"] === "string" ? body["refresh_token"] : "");
    if (!pair) return failure(c, "invalid_grant", "Invalid refresh token: this token has been revoked.");
    return c.json({
      access_token: pair.accessToken,
      token_type: "bearer",
      refresh_token: pair.refreshToken,
      bot_id: workspace.botId,
      workspace_icon: null,
      workspace_name: "Sandbox",
      workspace_id: workspace.id,
      owner: { type: "workspace", workspace: true },
      duplicated_template_id: null,
      request_id: randomUUID(),
    });
  });
}
