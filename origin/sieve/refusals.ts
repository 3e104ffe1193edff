/** Records refusals of the sieve after the answer has left: finds the verdict, adds up suspicion, writes the events. */
import type { Exchange } from "../call.ts";
import type { Database } from "../database/database.ts";
import type { EventSink } from "../events.ts";
import type { Usage } from "../limits/usage.ts";
import { loggableNames } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Registry } from "../modules/registry.ts";
import { createSuspicion } from "./suspicion.ts";
import { findVerdict, SCORES } from "./verdict.ts";

/** What recording needs from outside. */
export interface RefusalSources {
  readonly database: Database;
  readonly registry: Registry;
  readonly events: EventSink;
  readonly metrics: Metrics;
  readonly usage: Usage;
  /** Monotonic. Unit: milliseconds. */
  readonly now: () => number;
}

/** @returns a function that only queues the work; `tool` is null when a module's schema was asked for. */
export function createRefusals({ database, registry, events, metrics, usage, now }: RefusalSources) {
  const suspect = createSuspicion(now);

  async function record({ identity }: Exchange, module: string, tool: string | null): Promise<void> {
    const { requestId, userId, clientId } = identity;
    const who = { requestId, userId, ...(clientId === null ? {} : { clientId }) };
    const names = loggableNames(module, tool);
    let verdict;
    try {
      verdict = await findVerdict(database, registry, userId, module, tool);
    } catch {
      metrics.count("mcpist_refusals_total", "unknown");
      events.record({ event: "tool_refused", severity: "warn", reason: "no verdict: database unavailable", ...who, ...names });
      return;
    }
    metrics.count("mcpist_refusals_total", verdict);
    const severity = SCORES[verdict] === 0 ? "info" : "warn";
    events.record({ event: "tool_refused", severity, verdict, score: SCORES[verdict], httpStatus: 200, ...who, ...names });
    const { score, suspected } = suspect(userId, verdict, names.nameHash ?? `${module} ${tool ?? ""}`);
    if (suspected) events.record({ event: "probe_suspected", severity: "critical", verdict, score, ...who });
  }

  return (exchange: Exchange, module: string, tool: string | null): void => {
    usage.count(exchange.identity.userId, "refused");
    exchange.afterwards(() => record(exchange, module, tool));
  };
}
