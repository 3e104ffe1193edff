import { describe, expect, it } from "vitest";
import { allowed, route, targetOf } from "./route.ts";

describe("route", () => {
  it.each([
    ["POST", "/mcp", "mcp"],
    ["OPTIONS", "/mcp", "preflight"],
    ["GET", "/", "root"],
    ["HEAD", "/", "root"],
    ["GET", "/health", "health"],
    ["GET", "/.well-known/mcpist/gateway", "observation"],
    ["GET", "/.well-known/oauth-protected-resource", "metadata"],
    ["GET", "/.well-known/oauth-protected-resource/mcp", "metadata"],
    ["OPTIONS", "/.well-known/oauth-protected-resource/mcp", "metadata-preflight"],
    ["GET", "/.well-known/oauth-authorization-server", "server-metadata"],
    ["HEAD", "/.well-known/oauth-authorization-server/mcp", "server-metadata"],
    ["GET", "/mcp/.well-known/oauth-authorization-server", "server-metadata"],
    ["GET", "/.well-known/openid-configuration", "server-metadata"],
    ["GET", "/.well-known/openid-configuration/mcp", "server-metadata"],
    ["GET", "/mcp/.well-known/openid-configuration", "server-metadata"],
    ["OPTIONS", "/.well-known/oauth-authorization-server", "metadata-preflight"],
    ["GET", "/.well-known/security.txt", "security-txt"],
  ])("takes %s %s for %s", (method, path, expected) => {
    expect(route(method, path)).toEqual({ ok: true, value: expected });
  });

  it.each([
    "/mcp/",
    "/mcp//",
    "//mcp",
    "/MCP",
    "/mcp%2f",
    "/mcp/../mcp2",
    "/health/ready",
    "/metrics",
    "/.well-known/",
    "/.env",
    "/mcp;a=b",
  ])("has nothing at %s", (path) => {
    expect(route("POST", path)).toEqual({ ok: false, error: { reason: "shape.path" } });
  });

  it.each(["/sse", "/sse/", "/message", "/messages", "/messages/", "/mcp/sse", "/mcp/messages"])(
    "says at %s that the transport of servers which have it is not served",
    (path) => {
      for (const method of ["GET", "POST"])
        expect(route(method, path)).toEqual({ ok: false, error: { reason: "shape.transport" } });
    },
  );

  it.each([
    ["GET", "/mcp", "POST, OPTIONS"],
    ["DELETE", "/mcp", "POST, OPTIONS"],
    ["PUT", "/mcp", "POST, OPTIONS"],
    ["HEAD", "/mcp", "POST, OPTIONS"],
  ])("refuses %s %s and allows %s", (method, path, allow) => {
    expect(route(method, path)).toEqual({ ok: false, error: { reason: "shape.method" } });
    expect(allowed(path)).toBe(allow);
  });

  it.each([
    ["POST", "/", "GET, HEAD"],
    ["POST", "/.well-known/mcpist/gateway", "GET, HEAD"],
    ["DELETE", "/.well-known/oauth-protected-resource", "GET, HEAD, OPTIONS"],
    ["POST", "/.well-known/oauth-authorization-server", "GET, HEAD, OPTIONS"],
  ])("refuses %s %s, which is no endpoint, and allows %s", (method, path, allow) => {
    expect(route(method, path)).toEqual({ ok: false, error: { reason: "shape.document" } });
    expect(allowed(path)).toBe(allow);
  });
});

describe("what a request asks for", () => {
  it.each([
    ["https://mcp.example.com/mcp", "/mcp", ""],
    ["http://127.0.0.1:8787/mcp", "/mcp", ""],
    ["https://[2001:db8::1]:8443/mcp", "/mcp", ""],
    ["https://mcp/mcp", "/mcp", ""],
    ["https://mcp.example.com/mcp?a=/mcp", "/mcp", "?a=/mcp"],
    ["https://mcp.example.com/mcp?", "/mcp", ""],
    ["https://mcp.example.com//mcp", "//mcp", ""],
    ["https://mcp.example.com/x/mcp", "/x/mcp", ""],
    ["https://mcp.example.com/x/../mcp", "/mcp", ""],
    ["https://mcp.example.com/%6dcp", "/%6dcp", ""],
    ["https://mcp.example.com/MCP", "/MCP", ""],
    ["https://mcp.example.com/mcp/", "/mcp", ""],
    ["https://mcp.example.com/mcp/?a=b", "/mcp", "?a=b"],
    ["https://mcp.example.com/mcp#a", "/mcp", ""],
    ["https://mcp.example.com/mcp//", "/mcp//", ""],
    ["https://mcp.example.com//mcp/", "//mcp", ""],
    ["https://mcp.example.com/MCP/", "/MCP/", ""],
    ["https://mcp.example.com/health/", "/health/", ""],
    [
      "https://mcp.example.com/.well-known/oauth-protected-resource/mcp/",
      "/.well-known/oauth-protected-resource/mcp",
      "",
    ],
    ["https://mcp.example.com", "/", ""],
    ["https://mcp.example.com?/mcp", "/", "?/mcp"],
  ])("by %s", (url, path, search) => {
    expect(targetOf(url)).toEqual({ path, search });
  });
});
