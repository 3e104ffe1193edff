/** `mcpist secrets put NAME`. */
import { defineCommand } from "../command.ts";

export const secretsPut = defineCommand(
  "put",
  {
    summary: "Puts one of the other secrets to every target that needs it. The value comes from stdin or a prompt.",
    details: `A secret of your own is declared in mcpist.config.ts, with who gets it:
  secrets: { STRIPE_KEY: { purpose: "payments", to: ["worker", "github"] } }
("origins", "worker", "github"). The end is proof: every instance of every
origin and the Worker's deployed version report the mark of this write. GitHub
has nothing that could report one: its date is shown, and compared from then on.`,
    examples: [
      "mcpist secrets put DATABASE_URL --env production < url.txt",
      "mcpist secrets put REQUEST_STATE_KEY --generate --env production",
      "mcpist secrets put STRIPE_KEY --env production < key.txt",
    ],
  },
  (command) =>
    command
      .argument("<name>", "DATABASE_URL, BROKER_SECRET, REQUEST_STATE_KEY, or one of your own (mcpist secrets list)")
      .option("--generate", "make a random value (for keys of 64 hex characters)", false)
      .option("--steal-lock <run>", "take the lock of a dead run"),
  async (context, flags, name) => (await import("../runs/put.ts")).runPut(context, { ...flags, name }),
);
