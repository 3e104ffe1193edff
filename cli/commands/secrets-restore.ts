/** `mcpist secrets restore TARGET`. */
import { defineCommand } from "../command.ts";

export const secretsRestore = defineCommand(
  "restore",
  {
    summary: "Refills a target that has lost its slots, from GATEWAY_SECRET_A and GATEWAY_SECRET_B of a workflow job.",
    details: "It may fill a hole; it may not change the set of secrets that is accepted.",
    examples: ["mcpist secrets restore koyeb --env production"],
  },
  (command) =>
    command
      .argument("<target>", "an origin's name, or worker")
      .option("--steal-lock <run>", "take the lock of a dead run"),
  async (context, flags, target) => {
    const [{ openSession }, { runChange }, { restore }] = await Promise.all([
      import("../session.ts"),
      import("../runs/change.ts"),
      import("../secrets/restore.ts"),
    ]);
    const session = await openSession(context, flags);
    return runChange(context, session, { ...flags, command: "secrets restore" }, (run) => restore(run, target));
  },
);
