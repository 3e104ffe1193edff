/**
 * The closed union of refusals and what each one looks like from outside. Many reasons, few public messages: the exact
 * reason goes to the log, the client sees `publicReason`. Own JSON-RPC codes are positive (HTTP status x 100 + n), because
 * MCP reserves -32020..-32099 and forbids new codes in -32000..-32019.
 */
import type { SecurityEventName, Severity } from "./security-event.ts";

/** How a refusal is answered and logged. */
export interface DenialSpec {
  readonly status: number;
  readonly code: number;
  /** `data.reason` in the answer. */
  readonly publicReason: string;
  readonly message: string;
  readonly event: SecurityEventName;
  readonly severity: Severity;
}

const shape = (status: number, code: number, publicReason: string, message: string): DenialSpec => ({
  status,
  code,
  publicReason,
  message,
  event: "shape_rejected",
  severity: "info",
});
const invalidToken: DenialSpec = {
  status: 401,
  code: 40101,
  publicReason: "auth",
  message: "The access token is not valid for this service.",
  event: "auth_failed",
  severity: "warn",
};

/** Every refusal of the gateway. */
export const DENIALS = {
  "shape.method": shape(405, 40500, "shape.method", "Use POST."),
  /** A document of the gateway: the usual cause is an address without the endpoint's path. */
  "shape.document": shape(
    405,
    40501,
    "shape.document",
    "This address can only be read. The MCP endpoint is POST /mcp.",
  ),
  "shape.path": shape(404, 40400, "shape.path", "There is nothing here. The MCP endpoint is POST /mcp."),
  /** The transport of revision 2024-11-05, which is another one although its revision is served. */
  "shape.transport": shape(
    404,
    40401,
    "shape.transport",
    "HTTP+SSE is not served: use Streamable HTTP. The MCP endpoint is POST /mcp.",
  ),
  "shape.origin": {
    ...shape(403, 40300, "shape.origin", "This web origin may not call this service."),
    event: "origin_header_rejected",
    severity: "warn",
  },
  "shape.media": shape(415, 41500, "shape.media", "Send the body as application/json."),
  "shape.encoding": shape(415, 41501, "shape.encoding", "Send the body without content encoding."),
  "shape.size": shape(413, 41300, "shape.size", "The request body is too large."),
  "shape.headers": shape(431, 43100, "shape.headers", "The request headers are too large."),
  "shape.header_bytes": shape(
    400,
    40003,
    "shape.headers",
    "Send headers in ASCII; MCP encodes other text as =?base64?…?=.",
  ),
  "shape.query_token": {
    ...shape(400, 40001, "shape.query_token", "Send the access token in the Authorization header."),
    event: "token_in_query",
    severity: "warn",
  },
  "shape.slow": shape(408, 40800, "shape.slow", "The request body came too slowly."),
  "shape.json": shape(400, -32700, "shape.json", "The body is not valid JSON."),
  "shape.message": shape(400, -32600, "shape.message", "The body is not a JSON-RPC message."),
  /** Revision 2025-03-26 has batches, no other one does: the sentence has to be true for all of them. */
  "shape.batch": {
    ...shape(400, -32600, "shape.batch", "This service takes no batches: send each JSON-RPC message by itself."),
    event: "batch_rejected",
    severity: "warn",
  },
  "mcp.header": {
    ...shape(400, -32020, "mcp.header", "A required Mcp-* header is missing or malformed."),
    event: "mcp_header_rejected",
  },
  "mcp.version": {
    ...shape(400, -32022, "mcp.version", "This version of MCP is not supported."),
    event: "mcp_header_rejected",
  },
  "ip.shield": {
    status: 429,
    code: 42901,
    publicReason: "ip.shield",
    message: "Too many requests from this address.",
    event: "rate_limited",
    severity: "info",
  },
  "auth.rate": {
    status: 429,
    code: 42902,
    publicReason: "auth.rate",
    message: "Too many failed sign-ins from this address.",
    event: "auth_flood",
    severity: "warn",
  },
  "auth.missing": {
    ...invalidToken,
    code: 40100,
    publicReason: "auth.missing",
    message: "Sign in first.",
    event: "auth_missing",
    severity: "info",
  },
  "auth.multiple": {
    ...invalidToken,
    status: 400,
    code: 40002,
    publicReason: "auth.multiple",
    message: "Send exactly one Authorization header.",
  },
  "auth.size": invalidToken,
  "auth.shape": invalidToken,
  "auth.alg": invalidToken,
  "auth.typ": invalidToken,
  "auth.crit": invalidToken,
  "auth.kid": invalidToken,
  "auth.key": invalidToken,
  "auth.sig": invalidToken,
  "auth.iss": invalidToken,
  "auth.aud": invalidToken,
  "auth.exp": { ...invalidToken, publicReason: "auth.expired", message: "The access token has expired." },
  /** No lifetime that can be told, or one that this service does not allow: a new token of the same kind would fare no better. */
  "auth.lifetime": invalidToken,
  "auth.nbf": invalidToken,
  "auth.role": invalidToken,
  "auth.sub": invalidToken,
  "auth.anon": invalidToken,
  "auth.aal": invalidToken,
  "auth.client": invalidToken,
  "auth.scope": {
    status: 403,
    code: 40301,
    publicReason: "auth.scope",
    message: "The access token lacks a scope.",
    event: "scope_denied",
    severity: "info",
  },
  "auth.jwks": {
    status: 503,
    code: 50301,
    publicReason: "auth.jwks",
    message: "Sign-in keys are unavailable.",
    event: "jwks_unavailable",
    severity: "error",
  },
  "metadata.unavailable": {
    status: 503,
    code: 50307,
    publicReason: "metadata",
    message: "The sign-in service cannot be reached.",
    event: "issuer_unavailable",
    severity: "error",
  },
  /** The token names a key that the issuer may have published a moment ago. */
  "auth.pending": {
    status: 503,
    code: 50306,
    publicReason: "auth.jwks",
    message: "The key of the access token is not known yet.",
    event: "auth_failed",
    severity: "warn",
  },
  "user.burst": {
    status: 429,
    code: 42903,
    publicReason: "user.burst",
    message: "Too many requests per second.",
    event: "rate_limited",
    severity: "info",
  },
  "user.concurrent": {
    status: 429,
    code: 42907,
    publicReason: "user.concurrent",
    message: "Too many requests of yours are under way.",
    event: "rate_limited",
    severity: "info",
  },
  "user.blocked": {
    status: 429,
    code: 42904,
    publicReason: "user.blocked",
    message: "Blocked for repeated excess.",
    event: "user_blocked",
    severity: "warn",
  },
  "route.none": {
    status: 503,
    code: 50302,
    publicReason: "route.none",
    message: "No origin is available.",
    event: "no_origin",
    severity: "critical",
  },
  "route.timeout": {
    status: 504,
    code: 50401,
    publicReason: "route.timeout",
    message: "The origin did not answer in time.",
    event: "origin_failed",
    severity: "error",
  },
  "route.platform": {
    status: 502,
    code: 50201,
    publicReason: "route.platform",
    message: "The origin's platform failed.",
    event: "origin_failed",
    severity: "error",
  },
  "route.refused": {
    status: 502,
    code: 50204,
    publicReason: "route.refused",
    message: "The origin's platform refused the request; nothing was executed.",
    event: "origin_failed",
    severity: "warn",
  },
  "route.full": {
    status: 503,
    code: 50305,
    publicReason: "route.full",
    message: "No origin has room for so large a request now.",
    event: "origin_failed",
    severity: "warn",
  },
  "route.secret": {
    status: 502,
    code: 50202,
    publicReason: "route.secret",
    message: "The origin is misconfigured.",
    event: "origin_secret_rejected",
    severity: "critical",
  },
  "route.unknown": {
    status: 502,
    code: 50203,
    publicReason: "route.unknown",
    message: "The outcome is unknown: the call may have run.",
    event: "outcome_unknown",
    severity: "error",
  },
  "config.invalid": {
    status: 503,
    code: 50300,
    publicReason: "config.invalid",
    message: "The gateway is not configured yet.",
    event: "config_invalid",
    severity: "critical",
  },
  "gateway.error": {
    status: 500,
    code: 50000,
    publicReason: "gateway.error",
    message: "The gateway failed.",
    event: "gateway_failed",
    severity: "critical",
  },
} as const satisfies Record<string, DenialSpec>;

/** Why the gateway refused. */
export type DenialReason = keyof typeof DENIALS;

/** One refusal. */
export interface Denial {
  readonly reason: DenialReason;
  /** Seconds after which a retry makes sense; sent as `Retry-After` (at least 1). */
  readonly retryAfterSeconds?: number;
  /** True when a tool call may already have run. */
  readonly mayHaveExecuted?: boolean;
  /** What is served instead; only with `mcp.version`. */
  readonly supported?: readonly string[];
  /** The version of MCP that was asked for; only with `mcp.version`. Printable ASCII, at most 64 characters. */
  readonly requested?: string;
}
