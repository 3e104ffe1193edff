/** `mcpist access plan USER PLAN`. */
import { defineCommand } from "../command.ts";

export const accessPlan = defineCommand(
  "plan",
  {
    summary: "Puts a user on a plan.",
    examples: ["mcpist access plan 00000000-0000-4000-8000-000000000001 pro"],
  },
  (command) => command.argument("<user>", "UUID of the user").argument("<plan>", "name of the plan"),
  async (context, flags, user, plan) => {
    const [{ setPlan, userOf }, { withDatabase }, { actorOf }] = await Promise.all([
      import("../access/users.ts"),
      import("../access/run.ts"),
      import("../session.ts"),
    ]);
    const id = userOf(user);
    return withDatabase(context, flags, "access plan", async (database) => {
      await setPlan(database, id, plan, actorOf(context));
      return { json: { user: id }, text: "the user is on this plan now" };
    });
  },
);
