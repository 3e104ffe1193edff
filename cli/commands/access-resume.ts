/** `mcpist access resume USER`. */
import { defineCommand } from "../command.ts";

export const accessResume = defineCommand(
  "resume",
  {
    summary: "Lets a suspended user in again.",
    examples: ["mcpist access resume 00000000-0000-4000-8000-000000000001"],
  },
  (command) => command.argument("<user>", "UUID of the user"),
  async (context, flags, user) => {
    const [{ setStatus, userOf }, { withDatabase }, { actorOf }] = await Promise.all([
      import("../access/users.ts"),
      import("../access/run.ts"),
      import("../session.ts"),
    ]);
    const id = userOf(user);
    return withDatabase(context, flags, "access resume", async (database) => {
      await setStatus(database, id, "active", actorOf(context));
      return { json: { user: id, status: "active" }, text: "the user is active again" };
    });
  },
);
