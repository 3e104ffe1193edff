/** `mcpist drift`. */
import { defineCommand, noOptions } from "../command.ts";

export const drift = defineCommand(
  "drift",
  {
    summary: "Asks whether the accounts still are what the configuration says; changes nothing.",
    details:
      "Plans every stack, holds the plans against the policy, asks the platforms for\nwhat no plan shows, then verifies the secrets. Exit code 3 where something is\noff.",
    examples: ["mcpist drift --env production"],
  },
  noOptions,
  async (context, flags) => (await import("../runs/drift.ts")).runDrift(context, flags),
);
