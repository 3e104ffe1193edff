/** What every answer carries, whoever wrote its body: security headers, no caching, CORS for the web origins on the list. */
import { MCP_PATH, REQUEST_ID_HEADER } from "../contract/headers.ts";

/** Grades A+ at the MDN HTTP Observatory: an API that must never be a page. */
export const SECURITY_HEADERS: readonly (readonly [string, string])[] = [
  ["strict-transport-security", "max-age=63072000; includeSubDomains; preload"],
  ["content-security-policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"],
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "DENY"],
  ["referrer-policy", "no-referrer"],
  ["cross-origin-resource-policy", "same-origin"],
];

const ALLOW_HEADERS =
  "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Param-Module, Mcp-Param-Tool, traceparent";
const EXPOSE_HEADERS = "WWW-Authenticate, X-Request-ID, RateLimit, RateLimit-Policy, Retry-After";

/** Sets the headers above on an answer. `cache-control` stays as it is when it was set. */
export function harden(headers: Headers, requestId: string): Headers {
  for (const [name, value] of SECURITY_HEADERS) headers.set(name, value);
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  headers.set(REQUEST_ID_HEADER, requestId);
  return headers;
}

/** Lets the web origin that asked read the answer. Only for an origin that is on the list; null = not a browser. */
export function allowWebOrigin(headers: Headers, origin: string | null): Headers {
  if (origin === null) return headers;
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", EXPOSE_HEADERS);
  headers.append("vary", "Origin");
  return headers;
}

/** The answer to a browser's question before its request. `*` is never used where a token may be sent. */
export function preflight(path: string, origin: string | null, requestId: string): Response {
  const headers = harden(new Headers({ allow: path === MCP_PATH ? "POST, OPTIONS" : "GET, HEAD, OPTIONS" }), requestId);
  if (path === MCP_PATH) allowWebOrigin(headers, origin);
  else headers.set("access-control-allow-origin", "*");
  headers.set("access-control-allow-methods", path === MCP_PATH ? "POST" : "GET");
  headers.set("access-control-allow-headers", path === MCP_PATH ? ALLOW_HEADERS : "MCP-Protocol-Version");
  headers.set("access-control-max-age", "3600");
  return new Response(null, { status: 204, headers });
}
