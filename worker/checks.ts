/** The steps of a request that need more than one policy: form, address, sign-in, meaning of the body. Each stops at the first refusal. */
import { err, ok, type Result } from "../contract/result.ts";
import type { GatewayConfig } from "../contract/runtime-config.ts";
import { takeBody, type ClientBody } from "./body.ts";
import { UPLOAD_MS } from "./constants.ts";
import { isFailedSignIn } from "./deny.ts";
import type { Service } from "./isolate.ts";
import { holds, overAddressLimit, type Fallback } from "./limits.ts";
import { bearer } from "./policy/bearer.ts";
import { era, idIn, legacyCall, modernClass, startsBatch, type CallClass } from "./policy/era.ts";
import { type CalledModule, moduleInHeaders } from "./policy/module-limit.ts";
import { inspectHeaders, query, shape, webOrigin } from "./policy/shape.ts";
import type { Identity } from "./policy/token.ts";
import { protocolVersion, type ProtocolVersion } from "./policy/version.ts";
import { log, type Refusal, type Visit } from "./visit.ts";
import { LATE, within } from "./deadline.ts";

/** Web origin first, so that a browser can read every later refusal; then query, headers, media type and declared size. */
export function checkForm(visit: Visit, config: GatewayConfig): Result<void, Refusal> {
  const { headers } = visit;
  const from = checkWebOrigin(visit, config);
  if (!from.ok) return from;
  const asked = query(visit.url.search);
  if (!asked.ok) return asked;
  const inspected = inspectHeaders(headers);
  if (!inspected.ok) return inspected;
  for (const name of inspected.value) log(visit, { event: "header_spoof", severity: "warn", reason: name });
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

/** Wide on purpose: hosted MCP clients leave through a few shared addresses. */
export async function checkAddress(visit: Visit): Promise<Result<void, Refusal>> {
  const held = await holds(visit.isolate.env.RL_IP, visit.address, fellBack(visit, "ip_shield_fail_open"));
  return held ? ok(undefined) : err(overAddressLimit("ip.shield"));
}

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

/** What the request may do, and its body. */
export interface Understood {
  /** null = the client named none, as revisions before 2025-06-18 do. */
  readonly version: ProtocolVersion | null;
  readonly callClass: CallClass;
  readonly body: ClientBody;
  readonly module: CalledModule;
}

/** Modern requests are judged by their headers and not parsed; legacy ones by their body. */
export async function understand(visit: Visit): Promise<Result<Understood, Refusal>> {
  const named = protocolVersion(visit.headers.get("mcp-protocol-version") ?? null);
  const modern = named.ok && era(named.value) === "modern" ? modernClass(visit.headers) : null;
  // The client broke off; it will hardly read this.
  const body = await within(
    takeBody(visit.request, visit.headers.get("content-length") ?? null).catch(() => null),
    UPLOAD_MS,
  );
  if (!body || body === LATE) return err({ reason: "shape.json", detail: body === LATE ? "too slow" : "broken off" });
  const fault = named.ok ? modern : named;
  if (fault?.ok === false) {
    visit.rpcId = body.kind === "bytes" ? idIn(body.bytes) : null;
    return fault;
  }
  if (!named.ok) return named;
  const version = named.value;
  if (modern?.ok === true)
    return ok({ version, callClass: modern.value.callClass, body, module: moduleInHeaders(visit.headers) });
  if (body.kind === "stream") {
    // Too large to be kept and parsed: never a batch, never sent twice.
    return startsBatch(body.head) === false
      ? ok({ version, callClass: "single", body, module: { kind: "unread" } })
      : err({ reason: "shape.batch" });
  }
  const call = legacyCall(body.bytes);
  if (!call.ok) return call;
  visit.rpcId = call.value.id;
  return ok({ version, callClass: call.value.callClass, body, module: call.value.module });
}
