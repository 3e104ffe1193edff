/** Which of the few things behind this host a request asks for. Looks at method and path only. */
import { err, ok, type Result } from "../../contract/result.ts";
import type { Denial } from "../../contract/denial.ts";
import { HEALTH_PATH, MCP_PATH, OBSERVATION_PATH } from "../../contract/headers.ts";

/** RFC 9728 §3.1: the root location and the one with the path of the resource inserted. */
export const METADATA_PATH = "/.well-known/oauth-protected-resource";
/** Where clients of revision 2025-03-26, and some of later ones, look for the authorization server before they look anywhere else. */
const SERVER_METADATA_PATHS = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"].flatMap(
  (path) => [path, path + MCP_PATH, MCP_PATH + path],
);
export const SECURITY_TXT_PATH = "/.well-known/security.txt";

export type Route =
  | "mcp"
  | "preflight"
  | "metadata"
  | "server-metadata"
  | "metadata-preflight"
  | "observation"
  | "health"
  | "root"
  | "security-txt";

const OPEN = new Map<string, Route>([
  ["/", "root"],
  [HEALTH_PATH, "health"],
  [OBSERVATION_PATH, "observation"],
  [METADATA_PATH, "metadata"],
  [METADATA_PATH + MCP_PATH, "metadata"],
  ...SERVER_METADATA_PATHS.map((path) => [path, "server-metadata"] as const),
  [SECURITY_TXT_PATH, "security-txt"],
]);

/** Where servers of the transport before Streamable HTTP (2024-11-05) have their stream and take their messages. */
const OLD_TRANSPORT = /^(?:\/mcp)?\/(?:sse|messages?)\/?$/;

const isMetadata = (open: Route | undefined): boolean => open === "metadata" || open === "server-metadata";

/** What of a request's address matters here. */
export interface Target {
  readonly path: string;
  /** With its question mark, or empty. */
  readonly search: string;
}

/** A host and the endpoint's path, with nothing that a parser would change. */
const ENDPOINT = new RegExp(`^https?://[^/?#\\\\]+${MCP_PATH}$`);

/** @param url of a request, as the runtime gives it: absolute. Nearly all ask for the endpoint and nothing else, and are not parsed. */
export function targetOf(url: string): Target {
  if (ENDPOINT.test(url)) return { path: MCP_PATH, search: "" };
  const { pathname, search } = new URL(url);
  return { path: pathname.endsWith(`${MCP_PATH}/`) ? pathname.slice(0, -1) : pathname, search };
}

/**
 * Paths match byte for byte: no doubled slash, no other case. One slash behind the endpoint's path, and behind the documents that are named
 * after it, is left out by {@link targetOf}: people write it. It is served and not redirected, because not every client repeats a POST, its
 * body and its token at another address.
 */
export function route(method: string, path: string): Result<Route, Denial> {
  if (path === MCP_PATH) {
    if (method === "POST") return ok("mcp");
    return method === "OPTIONS" ? ok("preflight") : err({ reason: "shape.method" });
  }
  const open = OPEN.get(path);
  if (!open) return err({ reason: OLD_TRANSPORT.test(path) ? "shape.transport" : "shape.path" });
  if (method === "GET" || method === "HEAD") return ok(open);
  return isMetadata(open) && method === "OPTIONS" ? ok("metadata-preflight") : err({ reason: "shape.document" });
}

/** Value of `Allow` for a path that refused a method. */
export function allowed(path: string): string {
  if (path === MCP_PATH) return "POST, OPTIONS";
  return isMetadata(OPEN.get(path)) ? "GET, HEAD, OPTIONS" : "GET, HEAD";
}
