/** `mcpist secrets list`. */
import { defineCommand, noOptions } from "../command.ts";

export const secretsList = defineCommand(
  "list",
  {
    summary: "Lists the other secrets: what each is for, who gets it, how old it is and who lacks it.",
    details: "Reads only, and no value is ever read. The gateway secret has its own view:\nmcpist secrets status.",
    examples: ["mcpist secrets list --env production", "mcpist secrets list --env production --json | jq .secrets"],
  },
  noOptions,
  async (context, flags) => (await import("../runs/secrets-list.ts")).runSecretsList(context, flags),
);
