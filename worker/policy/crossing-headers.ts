/**
 * The headers that cross the gateway, in both directions. Both sets are built from an allow-list: nothing is copied by default,
 * so no spelling of a forbidden name can pass.
 */
import {
  ATTEMPT_HEADER,
  CLIENT_ID_HEADER,
  GATEWAY_SECRET_HEADER,
  MODULE_LIMIT_HEADER,
  ORIGIN_HEADER,
  REQUEST_ID_HEADER,
  USER_ID_HEADER,
} from "../../contract/headers.ts";
import { BOTH_FORMS } from "./accept.ts";
import type { ClientHeaders } from "./header-reader.ts";
import { era } from "./era.ts";
import type { Identity } from "./token.ts";
import type { ProtocolVersion } from "./version.ts";

/** Headers as the platform takes them: built as one object, which costs a third of setting them one by one. */
export type HeaderRecord = Record<string, string>;

/** The client's own words that an origin may hear in any revision, as they came. */
const FORWARDED = ["traceparent", "tracestate"] as const;
/** What the client said in one of several ways is passed on in one. */
const NORMALISED = ["accept", "content-type", "mcp-protocol-version"] as const;
const MIRRORED = ["mcp-method", "mcp-name"] as const;
const isMirrored = (name: string): boolean =>
  name === "mcp-method" || name === "mcp-name" || name.startsWith("mcp-param-");
/** Parameters of the origins' two tools that clients mirror in headers. */
const MIRRORED_PARAMETERS = ["mcp-param-module", "mcp-param-tool"] as const;
/** Headers of sessions, which older clients send in vain. A page that may not send them could send nothing at all. */
const IGNORED = ["mcp-session-id", "last-event-id"] as const;
/** What a page may send: all that is used, so that no page is stopped by a header that the gateway would have passed on. */
export const PAGE_HEADERS: readonly string[] = [
  "authorization",
  ...NORMALISED,
  ...FORWARDED,
  ...MIRRORED,
  ...MIRRORED_PARAMETERS,
  ...IGNORED,
];
/**
 * What a client may see of an origin's headers, each in the one form that it can have: a header that a client's parser refuses takes the
 * answer with it, and what an origin echoes by mistake has another form.
 */
const RETURNED = [
  ["content-type", /^[\w!#$&^.+-]{1,64}\/[\w!#$&^.+-]{1,64}(?:[ \t]*;[ \t\x21-\x7e]{0,128})?$/],
  ["allow", /^[A-Z]{1,16}(?: *, *[A-Z]{1,16}){0,15}$/],
  // RFC 9110 §10.2.3: seconds or a date.
  ["retry-after", /^(?:\d{1,9}|[A-Za-z]{3,9},? [\w :-]{1,30})$/],
  ["x-accel-buffering", /^(?:yes|no)$/],
] as const;

/** The media type itself, where what follows it is in no form. */
const ESSENCE = /^(?:application\/json|text\/event-stream)(?![\w!#$&^.+-])/i;

const OWN_WORDS: ReadonlySet<string> = new Set(FORWARDED);
/** True for a client's header that may reach an origin. `name` is in lower case. */
export const isForwarded = (name: string): boolean => isMirrored(name) || OWN_WORDS.has(name);

/** What an origin is told by the gateway itself. */
export interface Outgoing {
  readonly secret: string;
  readonly identity: Identity;
  /** UUIDv7. */
  readonly requestId: string;
  /** null = the client named none. */
  readonly version: ProtocolVersion | null;
}

/** A limit of a module that the call exceeds. */
export interface ModuleExcess {
  /** Calls per second. */
  readonly rate: number;
  readonly retryAfterMs: number;
}

/** @param excess null = the call is within the limits of its module, or it has none */
export const withModuleExcess = (headers: Readonly<HeaderRecord>, excess: ModuleExcess | null): HeaderRecord =>
  excess === null
    ? headers
    : { ...headers, [MODULE_LIMIT_HEADER]: `${excess.rate};${Math.max(1, Math.ceil(excess.retryAfterMs / 1000))}` };

/** Headers of the request to an origin, but for the attempt (see {@link withAttempt}). */
export function originHeaders(client: ClientHeaders, { secret, identity, requestId, version }: Outgoing): HeaderRecord {
  const headers: HeaderRecord = {
    accept: BOTH_FORMS,
    "accept-encoding": "identity",
    "content-type": "application/json",
    [GATEWAY_SECRET_HEADER]: secret,
    [USER_ID_HEADER]: identity.sub,
    [REQUEST_ID_HEADER]: requestId,
  };
  if (version !== null) headers["mcp-protocol-version"] = version;
  if (identity.clientId !== null) headers[CLIENT_ID_HEADER] = identity.clientId;
  for (const name of FORWARDED) {
    const value = client.get(name);
    if (typeof value === "string") headers[name] = value;
  }
  // MCP: an intermediary forwards every Mcp-Param-*, unknown ones too. For legacy requests nobody would check them: dropped.
  if (era(version) === "modern") for (const [name, value] of client) if (isMirrored(name)) headers[name] = value;
  return headers;
}

/** @param attempt 1, or 2 for the one retry */
export const withAttempt = (headers: Readonly<HeaderRecord>, attempt: 1 | 2): HeaderRecord => ({
  ...headers,
  [ATTEMPT_HEADER]: String(attempt),
});

/** Headers of an origin's answer that a client may see. */
export function returnedHeaders(origin: Headers, showOrigin: boolean): HeaderRecord {
  const headers: HeaderRecord = {};
  for (const [name, form] of RETURNED) {
    const value = origin.get(name);
    // Without its type a client cannot read the answer to a call that was executed.
    const [essence] = (name === "content-type" && value !== null && ESSENCE.exec(value)) || [];
    if (value !== null && form.test(value)) headers[name] = value;
    else if (essence !== undefined) headers[name] = essence.toLowerCase();
  }
  const servedBy = showOrigin ? origin.get(ORIGIN_HEADER) : null;
  if (servedBy !== null) headers[ORIGIN_HEADER] = servedBy;
  return headers;
}
