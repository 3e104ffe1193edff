/**
 * The headers that cross the gateway, in both directions. Both sets are built from an allow-list: nothing is copied by default,
 * so no spelling of a forbidden name can pass.
 */
import {
  ATTEMPT_HEADER,
  CLIENT_ID_HEADER,
  GATEWAY_SECRET_HEADER,
  ORIGIN_HEADER,
  REQUEST_ID_HEADER,
  USER_ID_HEADER,
} from "../../contract/headers.ts";
import type { ClientHeaders } from "./client-headers.ts";
import type { Era } from "./era.ts";
import type { Identity } from "./token.ts";

/** Headers as the platform takes them: built as one object, which costs a third of setting them one by one. */
export type HeaderRecord = Record<string, string>;

/** The client's own words that an origin may hear in any revision. */
const FORWARDED = ["content-type", "accept", "traceparent", "tracestate", "mcp-protocol-version"] as const;
const MIRRORED: ReadonlySet<string> = new Set(["mcp-method", "mcp-name"]);
const RETURNED = ["content-type", "allow", "retry-after", "x-accel-buffering"] as const;

/** What an origin is told by the gateway itself. */
export interface Outgoing {
  readonly secret: string;
  readonly identity: Identity;
  /** UUIDv7. */
  readonly requestId: string;
  readonly era: Era;
}

/** Headers of the request to an origin, but for the attempt (see {@link withAttempt}). */
export function originHeaders(client: ClientHeaders, { secret, identity, requestId, era }: Outgoing): HeaderRecord {
  const headers: HeaderRecord = {
    "accept-encoding": "identity",
    [GATEWAY_SECRET_HEADER]: secret,
    [USER_ID_HEADER]: identity.sub,
    [REQUEST_ID_HEADER]: requestId,
  };
  if (identity.clientId !== null) headers[CLIENT_ID_HEADER] = identity.clientId;
  for (const name of FORWARDED) {
    const value = client.get(name);
    if (typeof value === "string") headers[name] = value;
  }
  // MCP: an intermediary forwards every Mcp-Param-*, unknown ones too. For legacy requests nobody would check them: dropped.
  if (era === "modern")
    for (const [name, value] of client) if (name.startsWith("mcp-param-") || MIRRORED.has(name)) headers[name] = value;
  return headers;
}

/** @param attempt 1, or 2 for the one retry */
export const withAttempt = (headers: Readonly<HeaderRecord>, attempt: 1 | 2): HeaderRecord => ({
  ...headers,
  [ATTEMPT_HEADER]: String(attempt),
});

/** Headers of an origin's answer that a client may see. */
export function clientHeaders(origin: Headers, showOrigin: boolean): HeaderRecord {
  const headers: HeaderRecord = {};
  for (const name of RETURNED) {
    const value = origin.get(name);
    if (value !== null) headers[name] = value;
  }
  const servedBy = showOrigin ? origin.get(ORIGIN_HEADER) : null;
  if (servedBy !== null) headers[ORIGIN_HEADER] = servedBy;
  return headers;
}
