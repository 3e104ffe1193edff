/** `mcpist secrets status`. */
import { defineCommand } from "../command.ts";

export const secretsStatus = defineCommand(
  "status",
  {
    summary: "Shows who sends and who accepts which secret, and the next command.",
    examples: [
      "mcpist secrets status --env production",
      "mcpist secrets status --env production --json | jq .drift",
      "mcpist secrets status --env production --watch",
    ],
  },
  (command) => command.option("--watch", "look again every ten seconds, and print what changed", false),
  async (context, flags) => (await import("../runs/status.ts")).runStatus(context, flags),
);
