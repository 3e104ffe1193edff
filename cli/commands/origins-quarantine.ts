/** `mcpist origins quarantine NAME`. */
import { defineCommand } from "../command.ts";

export const originsQuarantine = defineCommand(
  "quarantine",
  {
    summary: "Takes a failed origin out of the pool on purpose.",
    details: "Its secrets stay as they are. mcpist origins join brings it back.",
    examples: ["mcpist origins quarantine koyeb --env production"],
  },
  (command) =>
    command.argument("<name>", "name of the origin").option("--steal-lock <run>", "take the lock of a dead run"),
  async (context, flags, name) => (await import("../runs/routes.ts")).runQuarantine(context, { ...flags, name }),
);
