import { describe, expect, it } from "vitest";
import { returnedHeaders, originHeaders, PAGE_HEADERS, withAttempt } from "./crossing-headers.ts";

const SECRET = "9f00112233445566778899aabbccddeeff0123456789abcdeffedcba98765432";
const outgoing = {
  secret: SECRET,
  identity: { sub: "11111111-2222-4333-8444-555555555555", clientId: "client-1", exp: 0 },
  requestId: "01a2037a-11b6-7caf-95af-4f15e6d0a606",
} as const;
const toOrigin = (client: Record<string, string>, era: "modern" | "legacy" = "modern"): Record<string, string> =>
  originHeaders(new Headers(client), { ...outgoing, version: era === "modern" ? "2026-07-28" : null });

/** What every request to an origin carries. */
const OWN = {
  accept: "application/json, text/event-stream",
  "accept-encoding": "identity",
  "content-type": "application/json",
  "x-gateway-secret": SECRET,
  "x-user-id": outgoing.identity.sub,
  "x-request-id": outgoing.requestId,
  "x-mcpist-client-id": "client-1",
};

describe("headers to an origin", () => {
  it.each([
    "authorization",
    "cookie",
    "host",
    "origin",
    "forwarded",
    "via",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "proxy-authorization",
    "content-length",
    "content-encoding",
    "accept-language",
    "user-agent",
    "cf-connecting-ip",
    "cf-ray",
    "x-real-ip",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-gateway-secret",
    "x-gateway_secret",
    "x_gateway_secret",
    "x-user-id",
    "x-user_id",
    "x.user.id",
    "x_user_id",
    "xuserid",
    "x-request-id",
    "x-mcpist-attempt",
    "x-mcpist-client-id",
    "x-mcpist-origin",
    "x_mcpist_client_id",
    "x-broker-secret",
    "mcp-session-id",
    "last-event-id",
    "mcp-methods",
    "mcp-namespace",
    "xmcp-name",
    "fly-force-instance-id",
    "fly-replay",
    "x-http-method-override",
    "cloudflare-workers-version-overrides",
    "__proto__",
    "constructor",
  ])("never contain the client's %s", (name) => {
    const modern = { ...OWN, "mcp-protocol-version": "2026-07-28" };
    expect(toOrigin({ [name]: "canary" })).toEqual(modern);
    expect(toOrigin({ [name]: "canary" }, "legacy")).toEqual(OWN);
    expect(toOrigin({ [name.toUpperCase()]: "canary" })).toEqual(modern);
  });

  it("contain what MCP and tracing need, unchanged", () => {
    const client = {
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      tracestate: "a=b",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "call",
      "mcp-param-module": "github",
      "mcp-param-nobody-knows-this-one": "=?base64?w6Q=?=",
    };
    expect(toOrigin(client)).toEqual({ ...OWN, ...client });
  });

  it("name both forms of answers, whatever the client takes", () => {
    for (const accept of ["*/*", "application/json", "text/event-stream", "\xff"])
      expect(toOrigin({ accept }, "legacy")).toEqual(OWN);
  });

  it("contain no mirrored headers of a legacy request: nobody would check them", () => {
    const client = {
      "mcp-method": "tools/list",
      "mcp-name": "x",
      "mcp-param-module": "y",
    };
    expect(toOrigin(client, "legacy")).toEqual(OWN);
  });

  it("name no client when the token names none", () => {
    const headers = originHeaders(new Headers(), {
      ...outgoing,
      identity: { ...outgoing.identity, clientId: null },
      version: "2026-07-28",
    });
    expect(headers).not.toHaveProperty("x-mcpist-client-id");
  });

  it("say which attempt this is", () => {
    expect(withAttempt({ accept: "a" }, 2)).toEqual({ accept: "a", "x-mcpist-attempt": "2" });
  });
});

describe("headers to the client", () => {
  it("are the few that describe the answer", () => {
    const origin = new Headers({
      "content-type": "text/event-stream",
      allow: "POST",
      "retry-after": "7",
      "x-accel-buffering": "no",
      "set-cookie": "a=b",
      server: "x",
      via: "1.1 fly.io",
      "x-powered-by": "x",
      "fly-request-id": "x",
      "x-koyeb-route": "x",
      "x-mcpist-origin": "fly",
      "x-mcpist-deny": "db",
      "x-mcpist-claim": "replayed",
      "x-gateway-secret": SECRET,
      "www-authenticate": 'Bearer realm="origin"',
      "cache-control": "public",
      "access-control-allow-origin": "*",
      "mcp-session-id": "s",
      "x-request-id": "theirs",
      "content-encoding": "gzip",
      link: "<x>",
      location: "https://evil.test",
    });
    expect(returnedHeaders(origin, false)).toEqual({
      "content-type": "text/event-stream",
      allow: "POST",
      "retry-after": "7",
      "x-accel-buffering": "no",
    });
    expect(returnedHeaders(origin, true)["x-mcpist-origin"]).toBe("fly");
  });
});

describe("headers that a page may send", () => {
  it("include all that is passed on, in both eras", () => {
    const client = Object.fromEntries(PAGE_HEADERS.map((name) => [name, "x"]));
    const passed = toOrigin(client);
    expect(PAGE_HEADERS.filter((name) => !(name in passed))).toEqual([
      "authorization",
      "mcp-session-id",
      "last-event-id",
    ]);
  });
});
