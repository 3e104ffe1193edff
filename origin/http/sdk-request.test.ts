import { expect, it } from "vitest";
import { requestForSdk } from "./sdk-request.ts";

const SEEN = {
  accept: "application/json, text/event-stream",
  "content-type": "application/json",
  "mcp-protocol-version": "2026-07-28",
  "mcp-method": "tools/call",
  "mcp-name": "call",
  "mcp-param-module": "notion",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  tracestate: "a=b",
};

it("shows the SDK what MCP is made of, and nothing of the gateway, the caller or the platform", () => {
  const { headers, method, url } = requestForSdk({
    ...SEEN,
    "x-gateway-secret": "3b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfe",
    "x-user-id": "6f1c2a34-0000-4000-8000-000000000001",
    "x-request-id": "01936f3e-8a00-7000-8000-000000000001",
    "x-mcpist-client-id": "client",
    "x-mcpist-attempt": "1",
    "x-mcpist-module-limit": "1;1",
    "x-forwarded-for": "198.51.100.7",
    authorization: "Bearer x",
    cookie: "a=b",
    host: "origin",
    "mcp-session-id": "1",
    "last-event-id": "1",
    "x-mcp-param-module": "other",
    "set-cookie": ["a", "b"],
  });
  expect(Object.fromEntries(headers)).toEqual(SEEN);
  expect([method, url]).toEqual(["POST", "http://origin.invalid/mcp"]);
});
