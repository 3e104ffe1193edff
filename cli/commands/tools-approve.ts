/** `mcpist tools approve MODULE [TOOL]`. */
import { defineCommand } from "../command.ts";

export const toolsApprove = defineCommand(
  "approve",
  {
    summary: "Approves new and changed tools of a module, exactly as they were last seen.",
    details:
      "Read them first: mcpist tools show MODULE. Users who were granted a tool may\ncall it as soon as it is approved.",
    examples: ["mcpist tools approve weather", "mcpist tools approve weather get_forecast --yes"],
  },
  (command) => command.argument("<module>", "name of the module").argument("[tool]", "name of one tool"),
  async (context, flags, module, tool) => {
    const [{ approveTool, findTools }, { confirm, withDatabase }, { actorOf }] = await Promise.all([
      import("../access/tools.ts"),
      import("../access/run.ts"),
      import("../session.ts"),
    ]);
    return withDatabase(context, flags, "tools approve", async (database) => {
      const rows = await findTools(database, module, tool);
      const waiting = rows.filter(({ state }) => state === "new" || state === "changed");
      if (waiting.length === 0) return { json: { approved: [] }, text: "nothing to approve" };
      const names = waiting.map((row) => `${row.tool} (${row.state})`).join(", ");
      await confirm(context, flags, `Approve ${names} of ${module} as they were last seen?`);
      for (const row of waiting) await approveTool(database, row, actorOf(context));
      const approved = waiting.map((row) => ({ module: row.module, tool: row.tool, pin: row.seen }));
      return {
        json: { approved },
        text: `approved ${waiting.map((row) => row.tool).join(", ")}\nnext: mcpist access grant USER ${module}`,
      };
    });
  },
);
