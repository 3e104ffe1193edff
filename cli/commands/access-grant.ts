/** `mcpist access grant USER MODULE[/TOOL]`. */
import { defineCommand } from "../command.ts";

export const accessGrant = defineCommand(
  "grant",
  {
    summary: "Grants a user a module, or one tool of it.",
    details: "In force at every origin within 15 seconds, usually at once.",
    examples: [
      "mcpist access grant 00000000-0000-4000-8000-000000000001 github",
      "mcpist access grant 00000000-0000-4000-8000-000000000001 github/create_issue",
    ],
  },
  (command) => command.argument("<user>", "UUID of the user").argument("<what>", "MODULE or MODULE/TOOL"),
  async (context, flags, user, what) => {
    const [{ grant, grantOf, userOf }, { withDatabase }, { actorOf }] = await Promise.all([
      import("../access/users.ts"),
      import("../access/run.ts"),
      import("../session.ts"),
    ]);
    const [id, target] = [userOf(user), grantOf(what)];
    return withDatabase(context, flags, "access grant", async (database) => {
      const count = await grant(database, id, target, actorOf(context));
      return {
        json: { user: id, ...target, granted: count },
        text: `granted ${count} ${count === 1 ? "tool" : "tools"}`,
      };
    });
  },
);
