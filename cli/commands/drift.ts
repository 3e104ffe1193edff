/** `mcpist drift`. */
import { defineCommand, noOptions } from "../command.ts";

export const drift = defineCommand(
  "drift",
  {
    summary: "Asks whether the accounts still are what the configuration says; changes nothing.",
    details:
      "Plans every stack, holds the plans against the policy, then verifies the\nsecrets. Exit code 3 when something is off.",
    examples: ["mcpist drift --env production"],
  },
  noOptions,
  async (context, flags) => (await import("../runs/drift.ts")).runDrift(context, flags),
);
