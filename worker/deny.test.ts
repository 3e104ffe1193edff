import { describe, expect, it } from "vitest";
import { DENIALS, type DenialReason } from "../contract/denial.ts";
import { SECURITY_EVENTS } from "../contract/security-event.ts";
import { deny, isFailedSignIn, type DenyContext } from "./deny.ts";
import { configOf } from "./test/config.ts";

const REASONS = Object.keys(DENIALS) as DenialReason[];
const context: DenyContext = {
  requestId: "01a2037a-11b6-7caf-95af-4f15e6d0a606",
  path: "/mcp",
  config: configOf([{ name: "koyeb", url: "https://koyeb.test" }], "https://issuer.test/jwks"),
  webOrigin: "https://app.example.com",
};
const SECURITY = {
  "strict-transport-security": "max-age=63072000; includeSubDomains; preload",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};
interface ErrorBody {
  readonly jsonrpc: string;
  readonly id: unknown;
  readonly error: { readonly code: number; readonly message: string; readonly data: Record<string, unknown> };
}
const bodyOf = async (response: Response): Promise<ErrorBody> => (await response.json()) as ErrorBody;
const METADATA = 'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"';

describe("refusals", () => {
  it.each(REASONS)("%s has its status, code, request id and security headers", async (reason) => {
    const response = deny({ reason }, context);
    const { status, code, publicReason, event } = DENIALS[reason];
    expect(response.status).toBe(status);
    expect(response.headers.get("x-request-id")).toBe(context.requestId);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(Object.fromEntries(response.headers)).toMatchObject(SECURITY);
    expect(await bodyOf(response)).toMatchObject({
      jsonrpc: "2.0",
      id: null,
      error: { code, data: { reason: publicReason } },
    });
    expect(SECURITY_EVENTS).toContain(event);
  });

  it.each(REASONS)("%s uses no code that MCP reserves", (reason) => {
    const { code, status } = DENIALS[reason];
    const own = code >= status * 100 && code < status * 100 + 100;
    expect(own || [-32700, -32600, -32020, -32022].includes(code)).toBe(true);
  });

  it.each([
    ["auth.missing", `Bearer ${METADATA}, scope="email"`],
    ["auth.multiple", `Bearer error="invalid_request", ${METADATA}, scope="email"`],
    ["auth.sig", `Bearer error="invalid_token", ${METADATA}, scope="email"`],
    ["auth.exp", `Bearer error="invalid_token", ${METADATA}, scope="email"`],
    ["auth.scope", `Bearer error="insufficient_scope", ${METADATA}, scope="email"`],
    ["auth.jwks", null],
    ["auth.rate", null],
    ["user.burst", null],
    ["route.none", null],
  ] as const)("%s challenges with %j", (reason, challenge) => {
    expect(deny({ reason }, context).headers.get("www-authenticate")).toBe(challenge);
  });

  it("tells the client nothing about why a token is bad, except that it expired", async () => {
    const bad: DenialReason[] = ["auth.sig", "auth.aud", "auth.kid", "auth.role", "auth.sub", "auth.alg"];
    const bodies = await Promise.all(bad.map(async (reason) => (await bodyOf(deny({ reason }, context))).error));
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
    expect((await bodyOf(deny({ reason: "auth.exp" }, context))).error.data["reason"]).toBe("auth.expired");
  });

  it.each([
    ["user.burst", '"burst";q=30;w=6', '"burst";r=0;t=1'],
    ["user.blocked", '"burst";q=30;w=6', '"burst";r=0;t=1'],
    ["ip.shield", '"address";q=1000;w=60', '"address";r=0;t=1'],
    ["auth.rate", '"auth";q=60;w=60', '"auth";r=0;t=1'],
  ] as const)("%s names its limit", (reason, policy, left) => {
    const { headers } = deny({ reason, retryAfterSeconds: 1 }, context);
    expect([headers.get("ratelimit-policy"), headers.get("ratelimit"), headers.get("retry-after")]).toEqual([
      policy,
      left,
      "1",
    ]);
  });

  it("says how long to wait where models read it, in whole seconds and never zero", async () => {
    const response = deny({ reason: "user.burst", retryAfterSeconds: 0.2 }, context);
    expect(response.headers.get("retry-after")).toBe("1");
    expect((await bodyOf(response)).error.data["retryAfterSeconds"]).toBe(1);
  });

  it("says that a call may have run, and not when to send it again", async () => {
    const response = deny({ reason: "route.unknown", mayHaveExecuted: true }, { ...context, rpcId: 7 });
    expect(response.headers.has("retry-after")).toBe(false);
    expect(await bodyOf(response)).toMatchObject({ id: 7, error: { code: 50203, data: { mayHaveExecuted: true } } });
  });

  it.each([
    ["/mcp", "POST, OPTIONS"],
    ["/health", "GET, HEAD"],
    ["/.well-known/oauth-protected-resource", "GET, HEAD, OPTIONS"],
  ])("a wrong method on %s is told %s", (path, allow) => {
    expect(deny({ reason: "shape.method" }, { ...context, path }).headers.get("allow")).toBe(allow);
  });

  it("can be read by a web origin on the list, and by no other", () => {
    expect(deny({ reason: "auth.missing" }, context).headers.get("access-control-allow-origin")).toBe(
      "https://app.example.com",
    );
    const foreign = deny({ reason: "shape.origin" }, { ...context, webOrigin: "https://evil.test" });
    expect([...foreign.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  it("work without a configuration", async () => {
    const response = deny({ reason: "config.invalid" }, { ...context, config: null });
    expect(response.status).toBe(503);
    expect((await bodyOf(response)).error.code).toBe(50300);
  });

  it("counts bad tokens as failed sign-ins, but not absent or expired ones, nor our own trouble", () => {
    expect(REASONS.filter((reason) => !isFailedSignIn(reason) && reason.startsWith("auth."))).toEqual([
      "auth.rate",
      "auth.missing",
      "auth.exp",
      "auth.scope",
      "auth.jwks",
    ]);
    expect(isFailedSignIn("user.burst")).toBe(false);
  });
});
