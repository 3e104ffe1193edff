/** `mcpist tools show MODULE [TOOL]`. */
import { defineCommand } from "../command.ts";

export const toolsShow = defineCommand(
  "show",
  {
    summary: "Shows what a model sees of a module's tools, and what changed since they were approved.",
    examples: ["mcpist tools show weather", "mcpist tools show weather get_forecast --json"],
  },
  (command) => command.argument("<module>", "name of the module").argument("[tool]", "name of one tool"),
  async (context, flags, module, tool) => {
    const [{ difference, findTools, linesOf, readFacts }, { withDatabase }] = await Promise.all([
      import("../access/tools.ts"),
      import("../access/run.ts"),
    ]);
    return withDatabase(context, flags, "tools show", async (database) => {
      const shown = [];
      const lines: string[] = [];
      for (const row of await findTools(database, module, tool)) {
        const facts = await readFacts(database, row);
        const changed = row.state === "changed" ? difference(facts) : [];
        shown.push({ ...row, facts: facts.seen ?? facts.approved, changed });
        lines.push(...linesOf(row, facts), "");
      }
      return { json: { tools: shown }, text: lines.join("\n").trimEnd() };
    });
  },
);
