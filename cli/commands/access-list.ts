/** `mcpist access list [USER]`. */
import { defineCommand, wholeNumber } from "../command.ts";

export const accessList = defineCommand(
  "list",
  {
    summary: "Lists users, the newest first: status, plan and what they may call.",
    details: "The address of the database's owner is read from DATABASE_URL.",
    examples: ["mcpist access list", "mcpist access list 00000000-0000-4000-8000-000000000001 --json"],
  },
  (command) =>
    command
      .argument("[user]", "UUID of one user")
      .option("--limit <n>", "users", wholeNumber("--limit", 1, 100_000), 100),
  async (context, flags, user) => {
    const [{ listUsers, userOf }, { withDatabase }, { table }] = await Promise.all([
      import("../access/users.ts"),
      import("../access/run.ts"),
      import("../layout.ts"),
    ]);
    const wanted = user === undefined ? null : userOf(user);
    return withDatabase(context, flags, "access list", async (database) => {
      const users = await listUsers(database, wanted, flags.limit);
      const rows = users.map((row) => [
        row.user,
        row.status,
        row.plan,
        wanted === null ? `${row.grants.length} tools` : row.grants.join(" ") || "nothing",
      ]);
      return {
        json: { users },
        text: users.length === 0 ? "no users yet" : table([["USER", "STATUS", "PLAN", "MAY CALL"], ...rows]),
      };
    });
  },
);
