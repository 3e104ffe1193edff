/** `mcpist secrets rotate`. */
import { Option } from "@commander-js/extra-typings";
import { defineCommand } from "../command.ts";

export const secretsRotate = defineCommand(
  "rotate",
  {
    summary:
      "Makes a new gateway secret, distributes it, switches the Worker, retires the old one and proves that it is dead.",
    details: "An unfinished rotation is resumed from the observed state.\nCtrl-C is safe at any moment.",
    examples: [
      "mcpist secrets rotate --env production --dry-run",
      "mcpist secrets rotate --env production",
      "mcpist secrets rotate --env production --emergency now --yes",
    ],
  },
  (command) =>
    command
      .option("--init", "first secret of a new installation", false)
      .option("--clean", "give up an unfinished candidate instead of finishing it", false)
      .addOption(
        new Option("--emergency <mode>", "the secret leaked: fast keeps serving if it can, now kills it first").choices(
          ["fast", "now"] as const,
        ),
      )
      .option("--dry-run", "print the plan, write nothing", false)
      .option("--steal-lock <run>", "take the lock of a dead run"),
  async (context, flags) => (await import("../runs/rotation.ts")).runRotate(context, flags),
);
