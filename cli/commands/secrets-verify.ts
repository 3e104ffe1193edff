/** `mcpist secrets verify`. */
import { defineCommand, noOptions } from "../command.ts";

export const secretsVerify = defineCommand(
  "verify",
  {
    summary: "The same as a check for a schedule: exit 3 when anything is off.",
    examples: ["mcpist secrets verify --env production"],
  },
  noOptions,
  async (context, flags) => (await import("../runs/status.ts")).runVerify(context, flags),
);
