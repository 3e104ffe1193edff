/** `mcpist tools list [MODULE]`. */
import { defineCommand } from "../command.ts";

export const toolsList = defineCommand(
  "list",
  {
    summary: "Lists every tool: built in, approved, new, changed or off.",
    details:
      "A tool of a server is shown to nobody before it is approved, and withheld when\nit changes. The address of the database's owner is read from DATABASE_URL.",
    examples: ["mcpist tools list", "mcpist tools list weather --json"],
  },
  (command) => command.argument("[module]", "module whose tools to list"),
  async (context, flags, module) => {
    const [{ listTools }, { withDatabase }, { table }] = await Promise.all([
      import("../access/tools.ts"),
      import("../access/run.ts"),
      import("../layout.ts"),
    ]);
    return withDatabase(context, flags, "tools list", async (database) => {
      const tools = await listTools(database, module);
      const waiting = tools.filter(({ state }) => state === "new" || state === "changed").length;
      const rows = tools.map(({ module: name, tool, state, grants }) => [name, tool, state, String(grants)]);
      const lines = [
        table([["MODULE", "TOOL", "STATE", "USERS"], ...rows]),
        ...(waiting > 0 ? ["", `${waiting} to review; next: mcpist tools show MODULE`] : []),
      ];
      return { json: { tools }, text: tools.length === 0 ? "no tools are known yet" : lines.join("\n") };
    });
  },
);
