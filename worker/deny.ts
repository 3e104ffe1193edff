/**
 * The only place where a refusal becomes a response. Clients see the public reason and, where a retry makes sense, when; the
 * exact reason stays in the log. Bodies are JSON-RPC errors, because models read bodies and not headers.
 */
import { DENIALS, type Denial, type DenialReason } from "../contract/denial.ts";
import type { GatewayConfig } from "../contract/runtime-config.ts";
import { CHALLENGE_SCOPE } from "./constants.ts";
import { corsHeaders, harden } from "./hygiene.ts";
import { metadataUrl, scopesOf } from "./metadata.ts";
import { depthOf } from "./limits.ts";
import type { RpcId } from "./policy/rpc-id.ts";
import type { HeaderRecord } from "./policy/crossing-headers.ts";
import { burstLimit, rateLimitHeaders, type Limit } from "./policy/rate-limit-headers.ts";
import { allowed } from "./policy/route.ts";

/** What the answer to a refused request needs to know about the request. */
export interface DenyContext {
  readonly requestId: string;
  readonly path: string;
  /** null when the configuration itself is the problem. */
  readonly config: GatewayConfig | null;
  /** Web origin that may read the answer; null = none. */
  readonly webOrigin: string | null;
  /** JSON-RPC id where the body was parsed. */
  readonly rpcId?: RpcId;
}

/** RFC 6750 §3 and RFC 9728 §5.1. Values are ours: nothing of the request is echoed. */
function challenge(config: GatewayConfig | null, error: string | null): string {
  const scopes = config ? scopesOf(config) : [CHALLENGE_SCOPE];
  const parts = [
    ...(error === null ? [] : [`error="${error}"`]),
    ...(config ? [`resource_metadata="${metadataUrl(config.resource)}"`] : []),
    ...(scopes.length > 0 ? [`scope="${scopes.join(" ")}"`] : []),
  ];
  return `Bearer ${parts.join(", ")}`;
}

function limitOf(reason: "burst" | "address" | "auth", config: GatewayConfig, resetSeconds: number): Limit {
  if (reason === "burst") {
    return burstLimit(config.limits.burstPerSecond, depthOf(config.limits), 0, resetSeconds);
  }
  const quota = reason === "address" ? config.limits.perIpPerMinute : config.limits.failedAuthPerMinute;
  return { name: reason, quota, windowSeconds: 60, remaining: 0, resetSeconds };
}

/** Headers that belong to one reason. */
function explain({ reason, retryAfterSeconds = 1 }: Denial, { config, path }: DenyContext): HeaderRecord {
  const limited = (name: "burst" | "address" | "auth"): HeaderRecord =>
    config ? { ...rateLimitHeaders(limitOf(name, config, retryAfterSeconds)) } : {};
  switch (reason) {
    case "shape.method":
      return { allow: allowed(path) };
    case "shape.document":
      return { allow: allowed(path) };
    case "shape.media":
      return { accept: "application/json" };
    case "shape.encoding":
      // RFC 9110 §12.5.3: a refusal for the coding says which ones are taken.
      return { "accept-encoding": "identity" };
    case "auth.missing":
      return { "www-authenticate": challenge(config, null) };
    case "auth.multiple":
      return { "www-authenticate": challenge(config, "invalid_request") };
    case "auth.scope":
      return { "www-authenticate": challenge(config, "insufficient_scope") };
    case "auth.size":
    case "auth.shape":
    case "auth.alg":
    case "auth.typ":
    case "auth.crit":
    case "auth.kid":
    case "auth.key":
    case "auth.sig":
    case "auth.iss":
    case "auth.aud":
    case "auth.exp":
    case "auth.lifetime":
    case "auth.nbf":
    case "auth.role":
    case "auth.sub":
    case "auth.anon":
    case "auth.aal":
    case "auth.client":
      return { "www-authenticate": challenge(config, "invalid_token") };
    case "metadata.unavailable":
      // As public as the document that is missing: a page has to be able to read that waiting helps.
      return { "access-control-allow-origin": "*" };
    case "user.burst":
    case "user.concurrent":
    case "user.blocked":
      return limited("burst");
    case "ip.shield":
      return limited("address");
    case "auth.rate":
      return limited("auth");
    case "shape.path":
    case "shape.transport":
    case "shape.origin":
    case "shape.size":
    case "shape.headers":
    case "shape.header_bytes":
    case "shape.query_token":
    case "shape.slow":
    case "shape.json":
    case "shape.message":
    case "shape.batch":
    case "mcp.header":
    case "mcp.version":
    case "auth.jwks":
    case "auth.pending":
    case "route.none":
    case "route.timeout":
    case "route.platform":
    case "route.refused":
    case "route.full":
    case "route.secret":
    case "route.unknown":
    case "config.invalid":
    case "gateway.error":
      return {};
  }
}

const waitOf = ({ retryAfterSeconds }: Denial): number | null =>
  retryAfterSeconds === undefined ? null : Math.max(1, Math.ceil(retryAfterSeconds));

/** A refusal as a JSON-RPC error, in one line. */
export function errorText(denial: Denial, requestId: string, rpcId: RpcId): string {
  const { code, message, publicReason } = DENIALS[denial.reason];
  const wait = waitOf(denial);
  const data = {
    reason: publicReason,
    requestId,
    ...(wait === null ? {} : { retryAfterSeconds: wait }),
    ...(denial.mayHaveExecuted === true ? { mayHaveExecuted: true } : {}),
    ...(denial.requested === undefined ? {} : { supported: denial.supported, requested: denial.requested }),
  };
  return JSON.stringify({ jsonrpc: "2.0", id: rpcId, error: { code, message, data } });
}

/** The response to a refused request. */
export function deny(denial: Denial, context: DenyContext): Response {
  const { status } = DENIALS[denial.reason];
  const wait = waitOf(denial);
  const headers = {
    "content-type": "application/json",
    ...(denial.reason === "shape.origin" ? {} : corsHeaders(context.webOrigin)),
    ...(wait === null ? {} : { "retry-after": String(wait) }),
    ...explain(denial, context),
  };
  const body = errorText(denial, context.requestId, context.rpcId ?? null);
  return new Response(body, { status, headers: harden(headers, context.requestId) });
}

/** Reasons that count as a failed sign-in of an address. Expired and absent tokens are normal life, and cost nothing to refuse. */
export const isFailedSignIn = (reason: DenialReason): boolean =>
  reason.startsWith("auth.") && !["auth.missing", "auth.exp", "auth.jwks", "auth.rate", "auth.scope"].includes(reason);
