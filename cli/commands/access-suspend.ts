/** `mcpist access suspend USER`. */
import { defineCommand } from "../command.ts";

export const accessSuspend = defineCommand(
  "suspend",
  {
    summary: "Suspends a user: refused at every origin within 15 seconds.",
    examples: ["mcpist access suspend 00000000-0000-4000-8000-000000000001"],
  },
  (command) => command.argument("<user>", "UUID of the user"),
  async (context, flags, user) => {
    const [{ setStatus, userOf }, { withDatabase }, { actorOf }] = await Promise.all([
      import("../access/users.ts"),
      import("../access/run.ts"),
      import("../session.ts"),
    ]);
    const id = userOf(user);
    return withDatabase(context, flags, "access suspend", async (database) => {
      await setStatus(database, id, "suspended", actorOf(context));
      return { json: { user: id, status: "suspended" }, text: "the user is suspended" };
    });
  },
);
