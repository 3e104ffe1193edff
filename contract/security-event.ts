/**
 * One schema for the security log of gateway, origin and broker, joined by request id. Vocabulary after the OWASP logging
 * cheat sheet. Never arguments, results, tokens, secrets, raw headers, bodies or upstream error text.
 */
import { TOOL_NAME } from "./names.ts";

/** Every event that may be written. */
export const SECURITY_EVENTS = [
  "shape_rejected",
  "origin_header_rejected",
  "token_in_query",
  "batch_rejected",
  "mcp_header_rejected",
  "rate_limited",
  "auth_flood",
  "auth_missing",
  "auth_failed",
  "scope_denied",
  "jwks_unavailable",
  "issuer_unavailable",
  "user_blocked",
  "no_origin",
  "origin_failed",
  "origin_secret_rejected",
  "outcome_unknown",
  "config_invalid",
  "gateway_failed",
  "header_spoof",
  "key_injection",
  "limiter_fallback",
  "gateway_secret_rejected",
  "identity_malformed",
  "user_inactive",
  "db_unavailable",
  "claim_conflict",
  "claim_owner_mismatch",
  "tool_refused",
  "call_failed",
  "broker_denied",
  "probe_suspected",
  "quota_overrun",
  "tool_changed",
] as const;

export type SecurityEventName = (typeof SECURITY_EVENTS)[number];
export type Severity = "info" | "warn" | "error" | "critical";
/** Why the Tool Sieve refused. */
export type SieveVerdict = "nonexistent" | "recently_revoked" | "never_granted" | "decoy" | "disabled";

/** One line of the security log. */
export interface SecurityEvent {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly layer: "gateway" | "origin" | "broker";
  readonly event: SecurityEventName;
  readonly severity: Severity;
  /** UUIDv7 of the client request; null before one exists. */
  readonly requestId: string | null;
  /** Exact reason of a denial; finer than what the client is told. */
  readonly reason?: string;
  readonly verdict?: SieveVerdict;
  readonly userId?: string;
  readonly clientId?: string;
  readonly method?: string;
  /** Only when they match {@link SAFE_NAME}; otherwise `nameHash`. */
  readonly module?: string;
  readonly tool?: string;
  readonly nameHash?: string;
  readonly origin?: string;
  readonly httpStatus?: number;
  readonly kid?: string;
  readonly score?: number;
  /** How many equal events this line stands for. */
  readonly count?: number;
  /** HMAC of the client address; the key changes daily. */
  readonly ipHash?: string;
}

/** Attacker-chosen names are logged only in this shape. */
export const SAFE_NAME = TOOL_NAME.shape;
