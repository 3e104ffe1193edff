/** Records refusals of the sieve after the answer has left: finds the verdict, adds up suspicion, writes the events. */
import type { SecurityEvent, SieveVerdict } from "../../contract/security-event.ts";
import type { Exchange } from "../exchange.ts";
import type { Database } from "../database/database.ts";
import type { EventSink } from "../events.ts";
import type { Usage } from "../limits/usage.ts";
import { loggableNames } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Registry } from "../modules/registry.ts";
import { meantBy } from "./native-names.ts";
import { createSuspicion } from "./suspicion.ts";
import { findVerdict, SCORES } from "./refusal-cause.ts";

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

/** Refusals that wait for the database; the verdicts of more are not found out. */
const MAX_WAITING = 1_000;

/** Records refusals. */
export interface Refusals {
  /** Only queues the work; `tool` is null when a module's schema was asked for. */
  readonly record: (exchange: Exchange, module: string, tool: string | null) => void;
  /** As {@link record}, of a natively presented name: what it was meant to be is looked for after the answer, too. */
  readonly recordNative: (exchange: Exchange, name: string) => void;
  /** Finds the verdicts that could not be found while the database was away. Never throws. */
  retry(): Promise<void>;
}

/** What the log says about whoever was refused. */
type Who = Pick<SecurityEvent, "requestId" | "clientId"> & { readonly userId: string };
interface Refused {
  readonly who: Who;
  readonly module: string;
  readonly tool: string | null;
}

/** Builds the recorder. */
export function createRefusals({ database, registry, events, metrics, usage, now }: RefusalSources): Refusals {
  const suspect = createSuspicion(now);
  const waiting: Refused[] = [];

  /** @throws when the database does not answer. */
  async function judge({ who, module, tool }: Refused): Promise<SieveVerdict> {
    const verdict = await findVerdict(database, registry, who.userId, module, tool);
    metrics.count("mcpist_refusals_total", verdict);
    return verdict;
  }

  function addUp({ who, module, tool }: Refused, verdict: SieveVerdict): void {
    const { score, suspected } = suspect(
      who.userId,
      verdict,
      loggableNames(module, tool).nameHash ?? `${module} ${tool ?? ""}`,
    );
    if (suspected) events.record({ event: "probe_suspected", severity: "critical", verdict, score, ...who });
  }

  async function record(refused: Refused): Promise<void> {
    const { who, module, tool } = refused;
    const names = loggableNames(module, tool);
    let verdict;
    try {
      verdict = await judge(refused);
    } catch {
      if (waiting.length < MAX_WAITING) waiting.push(refused);
      else metrics.count("mcpist_refusals_total", "unknown");
      events.record({
        event: "tool_refused",
        severity: "warn",
        reason: "no verdict: database unavailable",
        ...who,
        ...names,
      });
      return;
    }
    const severity = SCORES[verdict] === 0 ? "info" : "warn";
    events.record({
      event: "tool_refused",
      severity,
      verdict,
      score: SCORES[verdict],
      httpStatus: 200,
      ...who,
      ...names,
    });
    addUp(refused, verdict);
  }

  /** Nothing but this is done before the answer: it costs the same whatever was refused. */
  function later({ identity, afterwards }: Exchange, names: () => Pick<Refused, "module" | "tool">): void {
    const { requestId, userId, clientId } = identity;
    usage.count(userId, "refused");
    const who = { requestId, userId, ...(clientId === null ? {} : { clientId }) };
    afterwards(() => record({ who, ...names() }));
  }

  return {
    record: (exchange, module, tool) => later(exchange, () => ({ module, tool })),
    recordNative: (exchange, name) => later(exchange, () => meantBy(registry, name)),
    async retry() {
      // Their lines are written; what was missing is what they add up to.
      for (let oldest = waiting.shift(); oldest; oldest = waiting.shift()) {
        try {
          addUp(oldest, await judge(oldest));
        } catch {
          waiting.unshift(oldest);
          return;
        }
      }
    },
  };
}
