/**
 * One admitted `call` from claim to result. Before the SDK sees the request the id is claimed (HTTP can still say 409 or 503);
 * inside the SDK the tool runs, once, with validated parameters, and whatever happens becomes a safe result.
 */
import type { Broker } from "./broker.ts";
import type { Claim, Claims } from "./idempotency.ts";
import type { EventSink } from "../events.ts";
import type { Exchange } from "../exchange.ts";
import { faultOf } from "../faults.ts";
import type { Identity } from "../identity.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { OutcomeUnknownError, ToolError, WholeResult, type Progress, type ToolResult } from "../modules/module.ts";
import type { RegisteredTool } from "../modules/registry.ts";
import type { Permissions } from "../sieve/permissions.ts";
import { callFailed, explained, refusal, success } from "../sieve/results.ts";
import type { Secret } from "../modules/secret.ts";
import { nativeTools } from "../sieve/native-names.ts";
import { admit } from "../sieve/sieve.ts";
import { isRecord } from "../../contract/json.ts";
import type { Presentation } from "../../contract/presentation.ts";

/** What calls need from outside. */
export interface CallSources {
  readonly claims: Claims;
  readonly broker: Broker;
  readonly events: EventSink;
  readonly metrics: Metrics;
  readonly wallClock: () => Date;
}

/** A `tools/call` as the body names it: what will be counted, claimed and run. */
export interface CallTarget {
  /** Name of the meta tool; in the native presentation what the client called. */
  readonly metaTool: string;
  /** The tool that the user is allowed to run, when the meta tool is `call` and the names are admitted. */
  readonly admitted: { readonly module: string; readonly tool: RegisteredTool } | null;
}

/** Reads the target from the parsed body, the same object that the SDK will read. @returns null for any other method. */
export function targetOf(body: unknown, permissions: Permissions, presentation: Presentation): CallTarget | null {
  if (!isRecord(body) || body["method"] !== "tools/call") return null;
  const { params } = body;
  const name = isRecord(params) ? params["name"] : undefined;
  const args = isRecord(params) ? params["arguments"] : undefined;
  const metaTool = typeof name === "string" ? name : "";
  if (presentation === "native") return { metaTool, admitted: nativeTools(permissions).get(metaTool) ?? null };
  if (metaTool !== "call" || !isRecord(args)) return { metaTool, admitted: null };
  const { module, tool: toolName } = args;
  if (typeof module !== "string" || typeof toolName !== "string") return { metaTool, admitted: null };
  const tool = admit(permissions, module, toolName);
  return { metaTool, admitted: tool && { module, tool } };
}

/** Rejects when `signal` aborts, so that a tool that ignores its signal cannot hold the answer. */
function whenAborted(signal: AbortSignal): { readonly promise: Promise<never>; readonly dispose: () => void } {
  let onAbort = () => {};
  const promise = new Promise<never>((_, reject) => {
    onAbort = () => reject(new ToolError("The tool was stopped: it took too long or the request was cancelled."));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  return { promise, dispose: () => signal.removeEventListener("abort", onAbort) };
}

/** A call that the sieve let through. */
export interface AdmittedCall {
  readonly exchange: Exchange;
  readonly module: string;
  readonly tool: RegisteredTool;
  readonly params: Readonly<Record<string, unknown>>;
  /** As in {@link ToolContext}. */
  readonly progress: ((progress: Progress) => void) | null;
}

/** What came of a call; `known` is false when it may have had its effect and nobody can tell. */
interface Execution {
  readonly result: ToolResult;
  readonly known: boolean;
}

/** Runs tools. */
export interface Caller {
  /** Claims the request id where the tool may have effects. @throws when the database does not answer. */
  claim(identity: Identity, module: string, tool: RegisteredTool): Promise<Claim | null>;
  /** Runs an admitted tool once. Never throws. */
  run(call: AdmittedCall): Promise<ToolResult>;
}

/** Builds the caller. */
export function createCaller({ claims, broker, events, metrics, wallClock }: CallSources): Caller {
  async function execute({ exchange, module, tool, params, progress }: AdmittedCall): Promise<Execution> {
    const { identity, permissions, signal, traceparent } = exchange;
    const { requestId, userId } = identity;
    const input = tool.check(params);
    if (!input.ok) {
      metrics.count("mcpist_calls_total", module, tool.name, "invalid");
      return { result: explained(`Invalid params. ${input.error.join("; ")}`), known: true };
    }
    const stop = whenAborted(signal);
    try {
      const token = (rejected?: Secret) => broker.token({ userId, module, requestId, permissions }, rejected);
      const context = { signal, now: wallClock, requestId, userId, traceparent, token, progress };
      const value = await Promise.race([tool.run(input.value, context), stop.promise]);
      metrics.count("mcpist_calls_total", module, tool.name, "done");
      return { result: value instanceof WholeResult ? value.result : success(value), known: true };
    } catch (cause) {
      metrics.count("mcpist_calls_total", module, tool.name, "failed");
      // The reason is the class of the error only: upstream texts and messages may hold what must not be logged.
      const reason = cause instanceof ToolError ? "tool" : faultOf(cause).error;
      events.record({ event: "call_failed", severity: "warn", requestId, userId, module, tool: tool.name, reason });
      const result = cause instanceof ToolError ? explained(cause.message) : callFailed(requestId);
      return { result, known: !(cause instanceof OutcomeUnknownError) };
    } finally {
      stop.dispose();
    }
  }

  return {
    async claim({ requestId, userId }, module, tool) {
      if (tool.readOnly) return null;
      const claim = await claims.claim({ requestId, userId, module, tool: tool.name, idempotent: tool.idempotent });
      if (claim.kind === "foreign")
        events.record({ event: "claim_owner_mismatch", severity: "critical", requestId, userId });
      if (claim.kind === "busy")
        events.record({ event: "claim_conflict", severity: "warn", requestId, userId, httpStatus: 409 });
      return claim;
    },
    async run(call) {
      const { exchange, tool } = call;
      if (tool.readOnly) return (await execute(call)).result;
      const { claim, identity } = exchange;
      if (claim?.kind === "foreign") return refusal();
      if (claim?.kind === "done")
        return claim.result === null
          ? explained("The call was executed; its result was not kept.")
          : (JSON.parse(claim.result) as ToolResult);
      // Without a claim of our own nothing with an effect may run, whoever made the mistake.
      if (claim?.kind !== "owned") return callFailed(identity.requestId);
      const { result, known } = await execute(call);
      const { mark } = claim;
      // Stopped half way: whether it had its effect is unknown, and the claim keeps saying so.
      if (!known || exchange.signal.aborted) return result;
      // Its text, and not what it was read from: that may be fifty times as large, and the client may read slowly.
      const text = JSON.stringify(result);
      exchange.afterwards(() => claims.finish(identity.requestId, mark, text));
      return result;
    },
  };
}
