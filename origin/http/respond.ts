/** Refusals of the origin before the SDK is reached: HTTP status, JSON-RPC error, headers. Own codes are status x 100 + n. */
import { DENY_HEADER, type OriginDeny } from "../../contract/headers.ts";

/** Why the origin refused a request whose gateway secret was right. */
export type Refusal =
  | "gw.identity"
  | "user.inactive"
  | "user.quota"
  | "module.burst"
  | "db"
  | "draining"
  | "busy"
  | "claim.busy"
  | "shape.json"
  | "shape.message"
  | "shape.id"
  | "shape.batch"
  | "shape.size"
  | "shape.encoding"
  | "shape.slow"
  | "shape.method";

interface Spec {
  readonly status: number;
  readonly code: number;
  readonly message: string;
  readonly deny?: OriginDeny;
  readonly retryAfterSeconds?: number;
}

const SPECS: Readonly<Record<Refusal, Spec>> = {
  "gw.identity": { status: 500, code: 50001, message: "The gateway sent no usable identity.", deny: "identity" },
  "user.inactive": { status: 403, code: 40302, message: "This account is not active.", deny: "inactive" },
  "user.quota": { status: 429, code: 42905, message: "The plan's calls per minute are used up." },
  "module.burst": { status: 429, code: 42906, message: "Too many calls of this module per second." },
  db: { status: 503, code: 50303, message: "Permissions are unavailable.", deny: "db", retryAfterSeconds: 5 },
  draining: {
    status: 503,
    code: 50304,
    message: "This instance is shutting down.",
    deny: "draining",
    retryAfterSeconds: 1,
  },
  busy: {
    status: 503,
    code: 50305,
    message: "This instance has no room for so large a request now.",
    deny: "busy",
    retryAfterSeconds: 1,
  },
  "claim.busy": { status: 409, code: 40900, message: "The same request is being executed." },
  "shape.json": { status: 400, code: -32700, message: "The body is not valid JSON." },
  "shape.message": { status: 400, code: -32600, message: "The body is not a JSON-RPC message." },
  /** JavaScript would answer under another number than the one that was sent. */
  "shape.id": { status: 400, code: -32600, message: "The id must be a text, or an integer of less than 2^53." },
  /** Revision 2025-03-26 has batches, no other one does: the sentence has to be true for all of them. */
  "shape.batch": {
    status: 400,
    code: -32600,
    message: "This service takes no batches: send each JSON-RPC message by itself.",
  },
  "shape.size": { status: 413, code: 41300, message: "The request body is too large, or has too many values." },
  "shape.encoding": { status: 415, code: 41501, message: "Send the body without content encoding." },
  "shape.slow": { status: 408, code: 40800, message: "The request body came too slowly." },
  "shape.method": { status: 405, code: 40500, message: "Use POST." },
};

/** What varies between two refusals of the same kind. */
export interface RefusalDetails {
  readonly requestId: string | null;
  /** The parsed body, for its JSON-RPC id; absent when it was not parsed. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly data?: Readonly<Record<string, unknown>>;
}

function idOf(body: unknown): string | number | null {
  const id = typeof body === "object" && body !== null && "id" in body ? body.id : null;
  return typeof id === "string" || Number.isSafeInteger(id) ? (id as string | number) : null;
}

/** The response for `refusal`. */
export function refuse(refusal: Refusal, { requestId, body, headers = {}, data = {} }: RefusalDetails): Response {
  const { status, code, message, deny, retryAfterSeconds } = SPECS[refusal];
  return Response.json(
    { jsonrpc: "2.0", id: idOf(body), error: { code, message, data: { reason: refusal, requestId, ...data } } },
    {
      status,
      headers: {
        "cache-control": "no-store",
        ...(deny === undefined ? {} : { [DENY_HEADER]: deny }),
        ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }),
        ...headers,
      },
    },
  );
}
