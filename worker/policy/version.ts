/** The revision of MCP that a request names in `MCP-Protocol-Version`. Looks at no body and negotiates nothing. */
import { err, ok, type Result } from "../../contract/result.ts";
import type { Denial } from "../../contract/denial.ts";
import { MODERN_PROTOCOL_VERSION, PROTOCOL_VERSIONS } from "../../contract/headers.ts";

/** A revision that is served. */
export type ProtocolVersion = (typeof PROTOCOL_VERSIONS)[number];

const isServed = (version: string): version is ProtocolVersion =>
  (PROTOCOL_VERSIONS as readonly string[]).includes(version);

/**
 * @param header as it came; the same version sent twice counts as one
 * @param modern the request mirrors its method in a header: it cannot fall back to a revision that begins with `initialize`
 * @returns null without the header (revisions before 2025-06-18 have none); `mcp.version` for one that nobody here speaks, which
 * tells the client what to fall back to whatever else its request lacks
 */
export function protocolVersion(header: string | null, modern = false): Result<ProtocolVersion | null, Denial> {
  if (header === null) return ok(null);
  const [first = "", ...more] = header.split(",").map((part) => part.trim());
  if (isServed(first) && more.every((part) => part === first)) return ok(first);
  const supported = modern ? [MODERN_PROTOCOL_VERSION] : PROTOCOL_VERSIONS;
  return err({ reason: "mcp.version", supported, requested: header.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 64) });
}
