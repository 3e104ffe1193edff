/** What a run says when the observed phase allows nothing to be done. */
import { McpistError } from "../errors.ts";
import type { Phase } from "./phase.ts";

/** Stops with what the phase says and what to do. */
export function refusal(phase: Phase): McpistError {
  const parties = phase.parties.join(", ");
  switch (phase.name) {
    case "UNSET":
      return new McpistError("ERR_PHASE", "no gateway secret exists yet at any target", {
        hint: "mcpist secrets rotate --init",
      });
    case "BLIND":
      return new McpistError("ERR_PHASE", `cannot observe ${parties}`, {
        hint: "bring it back, or take it out of the pool on purpose: mcpist origins quarantine NAME",
      });
    case "LEGACY":
      return new McpistError("ERR_PHASE", `${parties} accepts the secret through a lone GATEWAY_SECRET`, {
        hint: "run the rotation in a workflow whose job has the old value as GATEWAY_SECRET in its environment",
        exitCode: 2,
      });
    case "FORKED":
      return new McpistError("ERR_PHASE", `${parties} refuses a secret that the Worker sends`, {
        hint: "mcpist secrets restore NAME, or deploy the newest Worker version whose secret every origin accepts",
      });
    case "MISALIGNED":
      return new McpistError("ERR_PHASE", `the live secret ${phase.live ?? ""} sits in the other slot at ${parties}`, {
        hint: "mcpist secrets restore NAME",
      });
    default:
      return new McpistError("ERR_PHASE", `phase ${phase.name} does not allow this`, { hint: "mcpist secrets status" });
  }
}
