/** Carries out fault rules on the public side of a Worker, where answers stream and are no objects that could be replaced. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { FaultEffect, Faults } from "../../faults.ts";
import { answer, type AnswerFault } from "./proxy.ts";

/** What the rules want done with one request. */
export interface FaultPlan {
  /** Does what comes before the Worker sees the request. @returns false when the request is over. */
  readonly before: () => Promise<boolean>;
  /** Replaces the answer of the Worker, or null. */
  readonly after: AnswerFault | null;
  /** Notes the outcome. @param status 0 when no answer was sent. */
  readonly done: (status: number) => void;
}

const isLate = (effect: FaultEffect): boolean => effect.kind !== "delay" && effect.when !== "before";

/** @returns true when the request may go on. */
async function carryOut(effect: FaultEffect, outgoing: ServerResponse): Promise<boolean> {
  if (effect.kind === "status") {
    const headers: Record<string, string> =
      effect.retryAfterSeconds === undefined ? {} : { "retry-after": String(effect.retryAfterSeconds) };
    answer(outgoing, effect.status, "fault injected by the sandbox", headers);
    return false;
  }
  if (effect.kind !== "reset") await sleep(effect.ms, undefined, { ref: false });
  if (effect.kind === "delay") return true;
  outgoing.destroy();
  return false;
}

/** Counts the request against the rules for `gateway`. */
export function planFaults(faults: Faults, incoming: IncomingMessage, outgoing: ServerResponse): FaultPlan {
  const { call, effects } = faults.record("gateway", incoming.method ?? "GET", incoming.url ?? "/");
  const late = effects.find(isLate);
  return {
    before: async () => {
      for (const effect of effects) {
        if (isLate(effect)) continue;
        if (!(await carryOut(effect, outgoing))) {
          call.status = effect.kind === "status" ? effect.status : 0;
          return false;
        }
      }
      return true;
    },
    after: late === undefined ? null : async () => void (await carryOut(late, outgoing)),
    done: (status) => {
      call.status = status;
    },
  };
}
