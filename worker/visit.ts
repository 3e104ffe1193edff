/** One client request on its way through the checks: what is known about it so far, its log lines and its refusal. */
import { DENIALS, type Denial } from "../contract/denial.ts";
import { Deadlines } from "./deadline.ts";
import { deny } from "./deny.ts";
import type { WaitUntil } from "./env.ts";
import type { GatewayEvent } from "./event-log.ts";
import type { Isolate } from "./isolate.ts";
import { addressKey } from "./policy/address.ts";
import type { RpcId } from "./policy/rpc-id.ts";
import type { ClientHeaders } from "./policy/header-reader.ts";
import { targetOf, type Target } from "./policy/route.ts";
import type { Identity } from "./policy/token.ts";
import { mintRequestId } from "../contract/request-id.ts";

export interface Visit {
  readonly request: Request;
  readonly target: Target;
  readonly headers: ClientHeaders;
  /** UUIDv7, ours; whatever the client calls its request is ignored. */
  readonly requestId: string;
  /** As the limiters count it. */
  readonly address: string;
  readonly isolate: Isolate;
  readonly waitUntil: WaitUntil;
  readonly deadlines: Deadlines;
  /** Set once the web origin was found on the list: it may read the answer. */
  webOrigin: string | null;
  /** Set where the body was parsed. */
  rpcId: RpcId;
  identity: Identity | null;
}

/** A refusal and what only the log may know about it. */
export interface Refusal extends Denial {
  /** Key id that the token named. */
  readonly kid?: string;
  /** Already reported, or reported elsewhere: no line of its own. */
  readonly quiet?: boolean;
  /** Class of an error; never its text. */
  readonly detail?: string;
}

/** Starts a visit: the request id exists before any check, so that every refusal carries it. */
export function enter(request: Request, isolate: Isolate, waitUntil: WaitUntil): Visit {
  // One crossing into the runtime; an iterator makes one for each header.
  const headers = new Map<string, string>();
  request.headers.forEach((value, name) => void headers.set(name, value));
  return {
    request,
    target: targetOf(request.url),
    headers,
    requestId: mintRequestId(isolate.runtime.now()),
    address: addressKey(headers.get("cf-connecting-ip") ?? null),
    isolate,
    waitUntil,
    deadlines: new Deadlines(),
    webOrigin: null,
    rpcId: null,
    identity: null,
  };
}

/** Writes one event of this request behind its answer. */
export function log(visit: Visit, event: Omit<GatewayEvent, "requestId" | "userId" | "clientId">): void {
  const { identity, isolate, requestId, address } = visit;
  const who = identity
    ? { userId: identity.sub, ...(identity.clientId === null ? {} : { clientId: identity.clientId }) }
    : {};
  visit.waitUntil(isolate.events.write({ ...event, requestId, ...who }, address));
}

/** Logs a refusal and makes its response. */
export function refuse(visit: Visit, refusal: Refusal): Response {
  const { event, severity, status } = DENIALS[refusal.reason];
  const { kid, detail, quiet } = refusal;
  if (quiet !== true)
    log(visit, {
      event,
      severity,
      reason: detail === undefined ? refusal.reason : `${refusal.reason} ${detail}`,
      httpStatus: status,
      ...(kid === undefined ? {} : { kid }),
    });
  const { requestId, target, webOrigin, rpcId, isolate } = visit;
  return deny(refusal, { requestId, path: target.path, config: isolate.config, webOrigin, rpcId });
}
