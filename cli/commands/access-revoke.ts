/** `mcpist access revoke USER MODULE[/TOOL]`. */
import { defineCommand } from "../command.ts";

export const accessRevoke = defineCommand(
  "revoke",
  {
    summary: "Revokes a module, or one tool of it, from a user.",
    details: "In force at every origin within 15 seconds, usually at once.",
    examples: [
      "mcpist access revoke 00000000-0000-4000-8000-000000000001 github",
      "mcpist access revoke 00000000-0000-4000-8000-000000000001 github/create_issue",
    ],
  },
  (command) => command.argument("<user>", "UUID of the user").argument("<what>", "MODULE or MODULE/TOOL"),
  async (context, flags, user, what) => {
    const [{ revoke, grantOf, userOf }, { withDatabase }, { actorOf }] = await Promise.all([
      import("../access/users.ts"),
      import("../access/run.ts"),
      import("../session.ts"),
    ]);
    const [id, target] = [userOf(user), grantOf(what)];
    return withDatabase(context, flags, "access revoke", async (database) => {
      const count = await revoke(database, id, target, actorOf(context));
      return {
        json: { user: id, ...target, revoked: count },
        text: `revoked ${count} ${count === 1 ? "tool" : "tools"}`,
      };
    });
  },
);
