/** The steps of a request that need more than one policy: form, address, sign-in, meaning of the body. Each stops at the first refusal. */
import type { Presentation } from "../contract/presentation.ts";
import type { Denial } from "../contract/denial.ts";
import { err, ok, type Result } from "../contract/result.ts";
import type { GatewayConfig } from "../contract/runtime-config.ts";
import { takeBody, type BodyFault, type ClientBody, type Room } from "./body.ts";
import { ID_BODY_BYTES, ID_WAIT_MS } from "./constants.ts";
import { LATE, within } from "./deadline.ts";
import { isFailedSignIn } from "./deny.ts";
import type { Service } from "./isolate.ts";
import { holds, overAddressLimit, type Fallback } from "./limits.ts";
import { bearer } from "./policy/bearer.ts";
import { era, legacyCall, modernClass, startsBatch, type CallClass } from "./policy/era.ts";
import { type CalledModule, moduleInHeaders } from "./policy/module-limit.ts";
import { inspectHeaders, query, shape, webOrigin } from "./policy/shape.ts";
import { idIn, namesMethod, type RpcId } from "./policy/rpc-id.ts";
import type { Identity } from "./policy/token.ts";
import type { ProtocolVersion } from "./policy/version.ts";
import { readBounded } from "./read-bounded.ts";
import { log, type Refusal, type Visit } from "./visit.ts";

/** One line per request, however many names it forges. */
const SPOOFS_NAMED = 3;

/** Query, headers, media type and declared size. */
export function checkForm(visit: Visit): Result<void, Refusal> {
  const { headers } = visit;
  const asked = query(visit.target.search);
  if (!asked.ok) return asked;
  const inspected = inspectHeaders(headers);
  if (!inspected.ok) return inspected;
  if (inspected.value.length > 0)
    log(visit, { event: "header_spoof", severity: "warn", reason: inspected.value.slice(0, SPOOFS_NAMED).join(" ") });
  return shape(headers);
}

export function checkWebOrigin(visit: Visit, config: GatewayConfig): Result<void, Refusal> {
  const from = visit.headers.get("origin") ?? null;
  const allowed = webOrigin(from, config.allowedOrigins);
  if (allowed.ok) visit.webOrigin = from;
  return allowed;
}

/** Says that a limit was not enforced; it concerns all requests, so it carries the name of none. */
const fellBack =
  ({ isolate, waitUntil }: Visit, reason: Fallback): (() => void) =>
  () =>
    waitUntil(isolate.events.write({ event: "limiter_fallback", severity: "warn", requestId: null, reason }, null));

/** What an address is counted for. Each has the whole limit, so that none is used up for another. */
export type Counted = "calls" | "documents" | "observation";

/**
 * Counts what is anonymous, by address. Wide on purpose: hosted MCP clients leave through a few shared addresses. Nobody who presents
 * a good token is refused for it: an address is shared, and a stranger behind it must not lock out its users.
 */
export async function checkAddress(visit: Visit, what: Counted): Promise<Result<void, Refusal>> {
  const key = what === "calls" ? visit.address : `${what}:${visit.address}`;
  const held = await holds(visit.isolate.env.RL_IP, key, fellBack(visit, "ip_shield_fail_open"));
  return held ? ok(undefined) : err(overAddressLimit("ip.shield"));
}

/** Who this isolate has verified before, by this very token; null = nobody that it knows. */
export async function recognise({ headers, isolate, waitUntil }: Visit, service: Service): Promise<Identity | null> {
  const token = bearer(headers.get("authorization") ?? null);
  return token.ok ? service.authenticator.recall(token.value, isolate.runtime.now(), waitUntil) : null;
}

/** False where a signature need not even be looked at. */
export const bringsToken = ({ headers }: Visit): boolean => bearer(headers.get("authorization") ?? null).ok;

/** Verifies the token; an address that fails too often is told to wait instead. */
export async function signIn(visit: Visit, service: Service): Promise<Result<Identity, Refusal>> {
  const { headers, isolate, waitUntil } = visit;
  const token = bearer(headers.get("authorization") ?? null);
  const result = token.ok
    ? await service.authenticator.authenticate(token.value, isolate.runtime.now(), waitUntil)
    : token;
  if (result.ok) return result;
  const refusal: Refusal & { readonly injectsKey?: boolean } = result.error;
  if (refusal.injectsKey === true) log(visit, { event: "key_injection", severity: "warn", reason: refusal.reason });
  if (!isFailedSignIn(refusal.reason)) return err(refusal);
  const held = await holds(isolate.env.RL_AUTH, visit.address, fellBack(visit, "auth_rate_fail_open"));
  return err(held ? refusal : overAddressLimit("auth.rate"));
}

/**
 * The id of a call that is refused before its body was needed, where that is there: clients match answers by it. Looked for only for
 * users, in a small body that has arrived.
 */
export async function readCalledId({ request, headers }: Visit): Promise<RpcId> {
  if (request.bodyUsed || !request.body || Number(headers.get("content-length") ?? 0) > ID_BODY_BYTES) return null;
  const bytes = await within(readBounded(request.body, ID_BODY_BYTES), ID_WAIT_MS).catch(() => null);
  return bytes === null || bytes === LATE ? null : idIn(bytes);
}

/** What the request may do, and its body. */
export interface Understood {
  /** null = the client named none, as revisions before 2025-06-18 do. */
  readonly version: ProtocolVersion | null;
  readonly callClass: CallClass;
  /** The client waits for an answer, if the request has an id: it is neither a notification nor what a client answers to a server. */
  readonly waits: boolean;
  readonly body: ClientBody;
  readonly module: CalledModule;
}

const BODY_FAULTS: Readonly<Record<BodyFault, Refusal>> = {
  slow: { reason: "shape.slow" },
  // The client broke off; it will hardly read this.
  broken: { reason: "shape.json", detail: "broken off" },
  full: { reason: "user.concurrent", retryAfterSeconds: 1, detail: "bytes" },
};

/**
 * Modern requests are judged by their headers and not parsed; legacy ones by their body.
 * @param named the revision that the client named @param room where the body is kept
 */
export async function understand(
  visit: Visit,
  named: Result<ProtocolVersion | null, Denial>,
  room: Room,
  presentation: Presentation,
): Promise<Result<Understood, Refusal>> {
  const modern = named.ok && era(named.value) === "modern" ? modernClass(visit.headers, presentation) : null;
  const taken = await takeBody(visit.request, visit.headers.get("content-length") ?? null, room, visit.deadlines);
  if (!taken.ok) return err(BODY_FAULTS[taken.error]);
  const body = taken.value;
  const fault = named.ok ? modern : named;
  if (fault?.ok === false) {
    visit.rpcId = body.kind === "bytes" ? idIn(body.bytes) : null;
    return fault;
  }
  if (!named.ok) return named;
  const version = named.value;
  if (modern?.ok === true)
    return ok({
      version,
      callClass: modern.value.callClass,
      waits: !modern.value.method.startsWith("notifications/"),
      body,
      module: moduleInHeaders(visit.headers, presentation),
    });
  if (body.kind === "stream") {
    // Too large to be kept and parsed: never a batch, never sent twice.
    return startsBatch(body.head) === false
      ? ok({ version, callClass: "single", waits: namesMethod(body.head), body, module: { kind: "unread" } })
      : err({ reason: "shape.batch" });
  }
  const call = legacyCall(body.bytes, presentation);
  if (!call.ok) return call;
  visit.rpcId = call.value.id;
  const { callClass, method, module } = call.value;
  return ok({ version, callClass, waits: method !== null, body, module });
}
