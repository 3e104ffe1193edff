/** Who calls and under which request id, as the gateway wrote it. Only called after the gateway secret was accepted. */
import {
  ATTEMPT_HEADER,
  CLIENT_ID_HEADER,
  MODULE_LIMIT_HEADER,
  REQUEST_ID_HEADER,
  USER_ID_HEADER,
} from "../contract/headers.ts";

/** The verified caller of one request. */
export interface Identity {
  /** Lower-case UUID. */
  readonly userId: string;
  /** Lower-case UUIDv7, one per client request; the same on a retry at another origin. */
  readonly requestId: string;
  /** OAuth client, for logs; null when the token had none. */
  readonly clientId: string | null;
  readonly attempt: 1 | 2;
  /** The gateway counted too many calls of the named module; null = it did not. */
  readonly excess: ModuleExcess | null;
}

/** A limit of a module that this call exceeds. */
export interface ModuleExcess {
  /** Calls per second. */
  readonly rate: number;
  readonly retryAfterSeconds: number;
}

function excessOf(value: string | undefined): ModuleExcess | null {
  const [, rate, seconds] = /^(\d{1,6});(\d{1,6})$/.exec(value ?? "") ?? [];
  return rate === undefined ? null : { rate: Number(rate), retryAfterSeconds: Number(seconds) };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const CLIENT_ID = /^[\x21-\x7e]{1,200}$/;

/** Every value of `name` in `rawHeaders`, so that a repeated header is seen as such and not joined or dropped. */
function valuesOf(rawHeaders: readonly string[], name: string): readonly string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
}

/** @returns null when the gateway broke its promise: a header is missing, repeated or malformed. */
export function readIdentity(rawHeaders: readonly string[]): Identity | null {
  const [userId, ...moreUsers] = valuesOf(rawHeaders, USER_ID_HEADER);
  const [requestId, ...moreRequests] = valuesOf(rawHeaders, REQUEST_ID_HEADER);
  if (userId === undefined || requestId === undefined || moreUsers.length > 0 || moreRequests.length > 0) return null;
  if (!UUID.test(userId) || !UUID_V7.test(requestId)) return null;
  const [clientId] = valuesOf(rawHeaders, CLIENT_ID_HEADER);
  const [attempt] = valuesOf(rawHeaders, ATTEMPT_HEADER);
  return {
    userId,
    requestId,
    clientId: clientId !== undefined && CLIENT_ID.test(clientId) ? clientId : null,
    attempt: attempt === "2" ? 2 : 1,
    excess: excessOf(valuesOf(rawHeaders, MODULE_LIMIT_HEADER)[0]),
  };
}
