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
import type { Era } from "./era.ts";
import type { Identity } from "./token.ts";

const FORWARDED = ["content-type", "accept", "traceparent", "tracestate", "mcp-protocol-version"] as const;
const MIRRORED = /^mcp-(method$|name$|param-)/;
const RETURNED = ["content-type", "allow", "retry-after", "x-accel-buffering"] as const;

/** What an origin is told by the gateway itself. */
export interface Outgoing {
  readonly secret: string;
  readonly identity: Identity;
  /** UUIDv7. */
  readonly requestId: string;
  readonly era: Era;
}

/** Headers of the request to an origin, without the attempt (see {@link withAttempt}). */
export function originHeaders(client: Headers, { secret, identity, requestId, era }: Outgoing): Headers {
  const headers = new Headers();
  for (const name of FORWARDED) {
    const value = client.get(name);
    if (value !== null) headers.set(name, value);
  }
  // MCP: an intermediary forwards every Mcp-Param-*, unknown ones too. For legacy requests nobody would check them: dropped.
  if (era === "modern") for (const [name, value] of client) if (MIRRORED.test(name)) headers.set(name, value);
  headers.set("accept-encoding", "identity");
  headers.set(GATEWAY_SECRET_HEADER, secret);
  headers.set(USER_ID_HEADER, identity.sub);
  headers.set(REQUEST_ID_HEADER, requestId);
  if (identity.clientId !== null) headers.set(CLIENT_ID_HEADER, identity.clientId);
  return headers;
}

/** @param attempt 1, or 2 for the one retry */
export function withAttempt(headers: Headers, attempt: 1 | 2): Headers {
  headers.set(ATTEMPT_HEADER, String(attempt));
  return headers;
}

/** Headers of an origin's answer that a client may see. */
export function clientHeaders(origin: Headers, showOrigin: boolean): Headers {
  const headers = new Headers();
  for (const name of RETURNED) {
    const value = origin.get(name);
    if (value !== null) headers.set(name, value);
  }
  const servedBy = showOrigin ? origin.get(ORIGIN_HEADER) : null;
  if (servedBy !== null) headers.set(ORIGIN_HEADER, servedBy);
  return headers;
}
