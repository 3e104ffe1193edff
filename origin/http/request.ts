/**
 * `POST /mcp` behind the gateway secret, in the order in which it must happen: identity, permissions, body, plan limit, claim, SDK,
 * and after the answer has left: verdicts, stored results. It decides nothing itself.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isRecord } from "../../contract/json.ts";
import type { Presentation } from "../../contract/presentation.ts";
import { CLAIM_HEADER } from "../../contract/headers.ts";
import { afterClose } from "../telemetry/background.ts";
import { readJson } from "./body.ts";
import { targetOf, type Caller } from "../calls/call.ts";
import type { Running, RunningCall } from "../calls/running.ts";
import type { Exchange } from "../exchange.ts";
import type { EventSink } from "../events.ts";
import { readIdentity, type Identity, type ModuleExcess } from "../identity.ts";
import { FREE_BYTES, type BodyBudget } from "../limits/body-budget.ts";
import type { Unread } from "../limits/unread.ts";
import { rateLimitHeaders } from "../limits/headers.ts";
import type { SlidingLog } from "../limits/sliding-log.ts";
import type { Usage } from "../limits/usage.ts";
import type { McpSide } from "../calls/mcp.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Registry } from "../modules/registry.ts";
import { refuse, type Refusal, type RefusalDetails } from "./respond.ts";
import type { PermissionCache, Permissions } from "../sieve/permissions.ts";
import { requestForSdk } from "./sdk-request.ts";
import { traceparentOf } from "./trace.ts";

/** Usual {@link RequestParts.deadlineMs}. */
export const DEADLINE_MS = 60_000;
/** Headers that the SDK sets for a connection that is ours to manage. */
const CONNECTION_HEADERS = ["connection", "keep-alive", "transfer-encoding"] as const;

/** What serving a request takes. */
export interface RequestParts {
  readonly permissions: PermissionCache;
  readonly registry: Registry;
  readonly limiter: SlidingLog;
  readonly usage: Usage;
  readonly caller: Caller;
  readonly mcp: McpSide;
  readonly events: EventSink;
  readonly metrics: Metrics;
  readonly budget: BodyBudget;
  /** Calls under way, for whoever takes permissions away. */
  readonly running: Running;
  readonly unread: Unread;
  readonly presentation: Presentation;
  /** From the gateway secret on: a tool that still runs then is stopped, and the caller told so. Unit: milliseconds. */
  readonly deadlineMs: number;
  /** Runs work after the answer has left, so that shutdown can wait for it. */
  readonly later: (work: () => Promise<void>) => void;
}

/** Aborts when the client leaves before the answer is complete, or at the deadline. */
function signalFor(outgoing: ServerResponse, deadlineMs: number, controller: AbortController): AbortSignal {
  const deadline = setTimeout(() => controller.abort(), deadlineMs);
  outgoing.once("close", () => {
    clearTimeout(deadline);
    if (!outgoing.writableFinished) controller.abort();
  });
  return controller.signal;
}

/** Looks at what is not read where this answer is not, once it was handed over. */
function weigh(outgoing: ServerResponse, unread: Unread): void {
  if (outgoing.writableLength > FREE_BYTES) unread.weigh();
}

/** Builds the handler. */
export function createRequestHandler(
  parts: RequestParts,
): (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<Response> {
  const {
    permissions,
    registry,
    limiter,
    usage,
    caller,
    mcp,
    events,
    metrics,
    budget,
    running,
    unread,
    presentation,
    deadlineMs,
    later,
  } = parts;

  const deny = (refusal: Refusal, details: RefusalDetails): Response => {
    metrics.count("mcpist_requests_total", refusal);
    return refuse(refusal, details);
  };

  async function permissionsOf({ requestId, userId, clientId }: Identity): Promise<Permissions | Response> {
    const who = { requestId, userId, ...(clientId === null ? {} : { clientId }) };
    let user: Permissions | null;
    try {
      user = await permissions.get(userId);
    } catch {
      events.record({ event: "db_unavailable", severity: "error", httpStatus: 503, ...who });
      return deny("db", { requestId });
    }
    if (user?.active) return user;
    events.record({ event: "user_inactive", severity: "warn", httpStatus: 403, ...who });
    return deny("user.inactive", { requestId });
  }

  function denyExcess(
    { requestId, userId }: Identity,
    { rate, retryAfterSeconds }: ModuleExcess,
    body: unknown,
  ): Response {
    events.record({ event: "rate_limited", severity: "info", requestId, userId, httpStatus: 429, reason: "module" });
    const limits = {
      "ratelimit-policy": `"module";q=${rate};w=1`,
      ratelimit: `"module";r=0;t=${retryAfterSeconds}`,
      "retry-after": String(retryAfterSeconds),
    };
    return deny("module.burst", { requestId, body, headers: limits, data: { retryAfterSeconds } });
  }

  async function callTool(
    exchange: Omit<Exchange, "claim">,
    body: unknown,
    request: Request,
    call: RunningCall,
  ): Promise<Response> {
    const { identity, permissions: user } = exchange;
    const { requestId, userId } = identity;
    const target = targetOf(body, user, presentation);
    if (!target) return mcp.serve(request, body, { ...exchange, claim: null }, false);

    const { admitted } = target;
    if (admitted) call.target = { module: admitted.module, tool: admitted.tool.name };
    // Only of a module that the user may use: for every other name the Sieve's one answer is the same with and without a limit.
    if (identity.excess && admitted) return denyExcess(identity, identity.excess, body);
    const admission = limiter.admit(userId, user.perMinute);
    const headers = rateLimitHeaders(admission);
    if (!admission.admitted || user.monthExhausted) {
      usage.count(userId, "limited");
      events.record({ event: "rate_limited", severity: "info", requestId, userId, httpStatus: 429 });
      const period = admission.admitted ? "month" : "minute";
      const retryAfterSeconds = admission.admitted ? 3600 : Number(headers["retry-after"]);
      return deny("user.quota", {
        requestId,
        body,
        headers: { ...headers, "retry-after": String(retryAfterSeconds) },
        data: { plan: user.plan, period, retryAfterSeconds },
      });
    }
    usage.count(userId, "calls");

    let claim: Exchange["claim"] = null;
    try {
      if (admitted) claim = await caller.claim(identity, admitted.module, admitted.tool);
    } catch {
      events.record({ event: "db_unavailable", severity: "error", requestId, userId, httpStatus: 503 });
      return deny("db", { requestId, body, headers });
    }
    if (claim?.kind === "busy")
      return deny("claim.busy", { requestId, body, headers: { ...headers, [CLAIM_HEADER]: "in_progress" } });

    const stream = admitted !== null && registry.get(admitted.module)?.network === true;
    const response = await mcp.serve(request, body, { ...exchange, claim }, stream);
    for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
    if (claim?.kind === "done") response.headers.set(CLAIM_HEADER, "replayed");
    return response;
  }

  return async (incoming, outgoing) => {
    const identity = readIdentity(incoming.rawHeaders);
    if (!identity) {
      events.record({ event: "identity_malformed", severity: "error", requestId: null, httpStatus: 500 });
      return deny("gw.identity", { requestId: null });
    }
    const { requestId, userId } = identity;
    const controller = new AbortController();
    const signal = signalFor(outgoing, deadlineMs, controller);
    const call: RunningCall = { target: null, stop: () => controller.abort() };
    outgoing.once("close", running.begin(userId, call));
    outgoing.once("close", unread.begin(userId, outgoing));
    outgoing.once("prefinish", () => weigh(outgoing, unread));
    const user = await permissionsOf(identity);
    if (user instanceof Response) return user;
    const room = budget.room(userId);
    // Whoever has left already closes nothing more.
    if (outgoing.closed) room.release();
    else outgoing.once("close", room.release);
    const body = await readJson(incoming, room);
    if (!body.ok) return deny(body.error, { requestId });
    // One request id stands for one claim, so one HTTP request carries one message.
    if (Array.isArray(body.value)) {
      events.record({ event: "batch_rejected", severity: "warn", requestId, userId, httpStatus: 400 });
      return deny("shape.batch", { requestId });
    }
    if (!isRecord(body.value)) return deny("shape.message", { requestId });
    if (typeof body.value["id"] === "number" && !Number.isSafeInteger(body.value["id"]))
      return deny("shape.id", { requestId });
    const exchange = {
      identity,
      permissions: user,
      signal,
      traceparent: traceparentOf(incoming.headers["traceparent"]),
      afterwards: afterClose(outgoing, later),
    };
    const response = await callTool(exchange, body.value, requestForSdk(incoming.headers), call);
    for (const name of CONNECTION_HEADERS) response.headers.delete(name);
    metrics.count("mcpist_requests_total", response.ok ? "served" : `status_${response.status}`);
    return response;
  };
}
