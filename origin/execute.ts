/**
 * Runs an admitted tool: validates its parameters, runs it within the deadline and turns whatever happens into a safe result.
 * Only texts that a module wrote for callers pass; the rest becomes a constant text with the request id.
 */
import type { EventSink } from "./events.ts";
import type { Exchange } from "./mcp.ts";
import { ToolError, type Tool } from "./modules/module.ts";
import { callFailed, explained, success, type ToolResult } from "./sieve/refusal.ts";

const MAX_ISSUES = 5;

/** What running needs from outside. */
export interface ExecuteSources {
  readonly events: EventSink;
  readonly now: () => Date;
}

/** Rejects when `signal` aborts, so that a tool that ignores its signal cannot hold the answer. */
function aborted(signal: AbortSignal): { readonly promise: Promise<never>; readonly dispose: () => void } {
  let onAbort = () => {};
  const promise = new Promise<never>((_, reject) => {
    onAbort = () => reject(new ToolError("The tool was stopped: it took too long or the request was cancelled."));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  return { promise, dispose: () => signal.removeEventListener("abort", onAbort) };
}

/** Runs `tool`. Never throws. */
export async function runTool(
  exchange: Exchange,
  module: string,
  tool: Tool,
  params: Readonly<Record<string, unknown>>,
  { events, now }: ExecuteSources,
): Promise<ToolResult> {
  const input = tool.input.safeParse(params);
  if (!input.success) {
    const issues = input.error.issues.slice(0, MAX_ISSUES).map((issue) => `${issue.path.join(".") || "params"}: ${issue.message}`);
    return explained(`Invalid params. ${issues.join("; ")}`);
  }
  const stop = aborted(exchange.signal);
  try {
    return success(await Promise.race([tool.run(input.data, { signal: exchange.signal, now }), stop.promise]));
  } catch (cause) {
    const { requestId, userId } = exchange.identity;
    events.record({ event: "call_failed", severity: "warn", requestId, userId, module, tool: tool.name });
    return cause instanceof ToolError ? explained(cause.message) : callFailed(requestId);
  } finally {
    stop.dispose();
  }
}
