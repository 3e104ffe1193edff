/** `mcpist whoami`. */
import { defineCommand, noOptions } from "../command.ts";

export const whoami = defineCommand(
  "whoami",
  {
    summary: "Shows whose tokens these are: accounts, scopes, and when each ends.",
    details: "Changes nothing, and never shows a token. What is missing or too broad is in\nmcpist doctor.",
    examples: ["mcpist whoami --env production", "mcpist whoami --env production --json | jq .accounts"],
  },
  noOptions,
  async (context, flags) => (await import("../runs/whoami.ts")).runWhoami(context, flags),
);
