/** `mcpist secrets rollback`: the previous secret becomes the live one again, without a value. Only before retirement. */
import { defineCommand } from "../command.ts";

export const secretsRollback = defineCommand(
  "rollback",
  {
    summary: "Steps back to the previous secret without a value. Refused once retirement has begun.",
    examples: ["mcpist secrets rollback --env production"],
  },
  (command) => command.option("--steal-lock <run>", "take the lock of a dead run"),
  async (context, flags) => {
    const [{ openSession }, { runChange }, { checkRoutes }, { rollback }] = await Promise.all([
      import("../session.ts"),
      import("../runs/change.ts"),
      import("../secrets/pool.ts"),
      import("../secrets/rollback.ts"),
    ]);
    const session = await openSession(context, flags);
    return runChange(context, session, { ...flags, command: "secrets rollback" }, async (run) => {
      await checkRoutes(session.targets.worker, session.environment.origins);
      return rollback(run);
    });
  },
);
