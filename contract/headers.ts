/** Header names and paths on which gateway, origin and command line must agree. Lower case, as the Fetch API reports them. */

/** Gateway -> origin: the current gateway secret, 64 lower-case hex characters. Never logged, never sent to a client. */
export const GATEWAY_SECRET_HEADER = "x-gateway-secret";
/** Gateway -> origin: the verified subject, a lower-case UUID. Trusted only after the gateway secret. */
export const USER_ID_HEADER = "x-user-id";
/** Gateway -> origin, broker and client: one UUIDv7 per client request. */
export const REQUEST_ID_HEADER = "x-request-id";
/** Gateway -> origin: the OAuth client of the token, for logs. */
export const CLIENT_ID_HEADER = "x-mcpist-client-id";
/**
 * Gateway -> origin: the call is over a limit of its module, `<calls per second>;<seconds to wait>`. The origin refuses it once it has
 * admitted the name: refused earlier, a limit would tell which modules exist.
 */
export const MODULE_LIMIT_HEADER = "x-mcpist-module-limit";
/** Gateway -> origin: "1" for the first attempt, "2" for the one retry. */
export const ATTEMPT_HEADER = "x-mcpist-attempt";
/** Origin -> gateway: the configured name of the origin that answered. Its absence marks a platform's own answer. */
export const ORIGIN_HEADER = "x-mcpist-origin";
/** Origin -> gateway: why the origin refused, one of {@link OriginDeny}. */
export const DENY_HEADER = "x-mcpist-deny";
/** Origin -> gateway: what the claim of the request id said, one of {@link ClaimState}. */
export const CLAIM_HEADER = "x-mcpist-claim";
/** Origin -> broker: the broker credential. Never leaves that hop. */
export const BROKER_SECRET_HEADER = "x-broker-secret";
/** Operator -> edge: `<worker>="<version id>"`, addresses one Worker version of the current deployment. */
export const VERSION_OVERRIDE_HEADER = "cloudflare-workers-version-overrides";
/** Operator -> Fly proxy: addresses (and wakes) one Machine. */
export const FLY_FORCE_INSTANCE_HEADER = "fly-force-instance-id";

/** Values of {@link DENY_HEADER}. */
export type OriginDeny = "gateway_secret" | "identity" | "inactive" | "draining" | "busy" | "db";
/** Values of {@link CLAIM_HEADER}. */
export type ClaimState = "replayed" | "in_progress";

/** The MCP endpoint, on the gateway and on every origin. */
export const MCP_PATH = "/mcp";
/** Where every party reports what it sends or accepts (contract/observation.ts). */
export const OBSERVATION_PATH = "/.well-known/mcpist/gateway";
/** Constant liveness answer. */
export const HEALTH_PATH = "/health";
/** Readiness (database), behind the gateway secret. */
export const READY_PATH = "/health/ready";
/** The MCP revision from which `Mcp-*` request headers must mirror the body. Older or absent: those headers are not trusted. */
export const MODERN_PROTOCOL_VERSION = "2026-07-28";
/** Every MCP revision that is served, newest first; the older ones are negotiated by `initialize`. */
export const PROTOCOL_VERSIONS = [
  MODERN_PROTOCOL_VERSION,
  "2025-11-25",
  "2025-06-18",
  "2025-03-26",
  "2024-11-05",
  "2024-10-07",
] as const;
