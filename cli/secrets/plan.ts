/** What a run would do from a phase: the run's own decisions, asked one after another. Pure; for `--dry-run`. */
import type { McpistError } from "../errors.ts";
import type { Phase } from "./phase.ts";
import { ACTIONS, NEW_KID, type Names } from "./phases/actions.ts";
import { decide, FRESH, type ActionName, type Intent, type Memory } from "./phases/decide.ts";
import { notDead, PHASES, refusal } from "./phases/table.ts";

/** One action of the plan with the steps that the run reports for it, in order; those of one action may run beside each other. */
export interface PlannedAction {
  readonly action: ActionName | "emergency";
  readonly says: string;
  readonly steps: readonly string[];
}

/** A plan. `stops` is what the run ends with when it cannot finish by itself. */
export interface Plan {
  readonly actions: readonly PlannedAction[];
  readonly stops: McpistError | null;
}

/** More actions than any rotation has. */
const MAX_ACTIONS = 32;

/** What a rotation, `--init` or `--clean` would do. */
export function planOf(found: Phase, intent: Intent, names: Names, adopts = false): Plan {
  const actions: PlannedAction[] = [];
  let phase = found;
  let memory: Memory = { ...FRESH, adopts, resumed: PHASES[found.name].unfinished };
  while (actions.length < MAX_ACTIONS) {
    const mine = memory.candidate !== "none" && phase.other === NEW_KID;
    const decision = decide(phase, intent, { ...memory, mine });
    if (decision.kind === "stop") return { actions, stops: decision.error };
    if (decision.kind === "done") break;
    const action = ACTIONS[decision.action];
    actions.push({ action: decision.action, says: action.says, steps: action.steps(phase, names) });
    memory = action.remembers?.(memory) ?? memory;
    phase = action.leads(phase);
  }
  return { actions, stops: null };
}

/** What an emergency depends on beside the phase. */
export interface EmergencyFacts extends Names {
  /** Origins that cannot be reached now, or are left alone: the secret is not known to die there. */
  readonly alive: readonly string[];
}

/** What an emergency would do. Steps of one action run beside each other. */
export function emergencyPlan(found: Phase, mode: "fast" | "now", facts: EmergencyFacts): Plan {
  const leaked = found.name === "ASTRAY" ? found.other : found.live;
  if (found.name === "UNSET" || leaked === null) return { actions: [], stops: refusal(found) };
  const part = (says: string, steps: readonly string[]): PlannedAction => ({ action: "emergency", says, steps });
  const { origins, alive } = facts;
  const write = (names: readonly string[]) => names.map((name) => `write ${name} and replace every instance`);
  const kill =
    mode === "now"
      ? [
          part(
            "write a new secret AND the tombstone of the old one to every origin at once and replace every instance; upload the deployed code with the new secret (one call), and switch when the origin with the traffic accepts it",
            [...write(origins), "upload the Worker version", "switch the Worker"],
          ),
        ]
      : [
          part(
            "write a new secret to the spare slot of every origin, replace every instance, and upload the deployed code with it (one call)",
            [...write(origins), "upload the Worker version"],
          ),
          part("switch to it", ["switch the Worker"]),
          part(
            "tombstone the old secret after a few seconds for edges that lag, without a drain",
            write(origins.filter((name) => !alive.includes(name))),
          ),
        ];
  return {
    actions: [
      ...kill,
      part("write GitHub, last: an outage there must not keep a leaked secret alive", ["write GitHub"]),
      ...(alive.length === 0 ? [part(ACTIONS.prove.says, ["prove that the old secret is dead"])] : []),
    ],
    stops: alive.length === 0 ? null : notDead(leaked, alive),
  };
}
