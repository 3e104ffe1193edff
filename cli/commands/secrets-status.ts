/** `mcpist secrets status`. */
import { defineCommand, noOptions } from "../command.ts";

export const secretsStatus = defineCommand(
  "status",
  {
    summary: "Shows who sends and who accepts which secret, and the next command.",
    examples: ["mcpist secrets status --env production", "mcpist secrets status --env production --json | jq .drift"],
  },
  noOptions,
  async (context, flags) => (await import("../runs/status.ts")).runStatus(context, flags),
);
