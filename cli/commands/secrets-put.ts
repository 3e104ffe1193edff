/** `mcpist secrets put NAME`. */
import { defineCommand } from "../command.ts";

export const secretsPut = defineCommand(
  "put",
  {
    summary: "Puts one of the other secrets to every target that needs it. The value comes from stdin or a prompt.",
    examples: [
      "mcpist secrets put DATABASE_URL --env production < url.txt",
      "mcpist secrets put REQUEST_STATE_KEY --generate --env production",
    ],
  },
  (command) =>
    command
      .argument("<name>", "DATABASE_URL, BROKER_SECRET or REQUEST_STATE_KEY")
      .option("--generate", "make a random value (for keys of 64 hex characters)", false)
      .option("--steal-lock <run>", "take the lock of a dead run"),
  async (context, flags, name) => (await import("../runs/put.ts")).runPut(context, { ...flags, name }),
);
