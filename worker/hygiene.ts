/** What every answer carries, whoever wrote its body: security headers, no caching, CORS for the web origins on the list. */
import { MCP_PATH, REQUEST_ID_HEADER } from "../contract/headers.ts";
import { PAGE_HEADERS, type HeaderRecord } from "./policy/crossing-headers.ts";

/** Grades A+ at the MDN HTTP Observatory: an API that must never be a page. */
const SECURITY_HEADERS = {
  "strict-transport-security": "max-age=63072000; includeSubDomains; preload",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

const ALLOW_HEADERS = PAGE_HEADERS.join(", ");
const EXPOSE_HEADERS = "WWW-Authenticate, X-Request-ID, RateLimit, RateLimit-Policy, Retry-After";

/** The headers above, no caching and the request id, around the headers of one answer. Its own `cache-control` is kept. */
export const harden = (headers: Readonly<HeaderRecord>, requestId: string): HeaderRecord => ({
  "cache-control": "no-store",
  ...headers,
  ...SECURITY_HEADERS,
  [REQUEST_ID_HEADER]: requestId,
});

/** Lets the web origin that asked read the answer. Only for an origin that is on the list; null = not a browser. */
export const corsHeaders = (origin: string | null): HeaderRecord =>
  origin === null
    ? {}
    : { "access-control-allow-origin": origin, "access-control-expose-headers": EXPOSE_HEADERS, vary: "Origin" };

/** The answer to a browser's question before its request. `*` is never used where a token may be sent. */
export function preflight(path: string, origin: string | null, requestId: string): Response {
  const own = path === MCP_PATH;
  const headers = {
    allow: own ? "POST, OPTIONS" : "GET, HEAD, OPTIONS",
    ...(own ? corsHeaders(origin) : { "access-control-allow-origin": "*" }),
    // GET and DELETE are refused, but older clients try them and have to be able to read that.
    "access-control-allow-methods": own ? "POST, GET, DELETE" : "GET",
    "access-control-allow-headers": own ? ALLOW_HEADERS : "MCP-Protocol-Version",
    "access-control-max-age": "3600",
  };
  return new Response(null, { status: 204, headers: harden(headers, requestId) });
}
