/** `mcpist tools approve MODULE [TOOL]`. */
import { defineCommand } from "../command.ts";

export const toolsApprove = defineCommand(
  "approve",
  {
    summary: "Approves new and changed tools of a module, exactly as they were last seen.",
    details:
      "Shows what is approved before it asks: a server may list something else after\nyou have read it. With --yes, --pin names what you have read in\n`mcpist tools show`, and anything else is refused. Users who were granted a tool\nmay call it as soon as it is approved.",
    examples: [
      "mcpist tools approve weather",
      "mcpist tools approve weather get_forecast --yes --pin 1f2e3d4c5b6a7988",
    ],
  },
  (command) =>
    command
      .argument("<module>", "name of the module")
      .argument("[tool]", "name of one tool")
      .option("--pin <hex>", "approve the one tool that has this pin, and no other"),
  async (context, flags, module, tool) => {
    const [{ approveTool, findTools, havePin, linesOf, readFacts }, { confirm, withDatabase }, { actorOf }] =
      await Promise.all([import("../access/tools.ts"), import("../access/run.ts"), import("../session.ts")]);
    return withDatabase(context, flags, "tools approve", async (database) => {
      const rows = await findTools(database, module, tool);
      const unapproved = rows.filter(({ state }) => state === "new" || state === "changed");
      const waiting = flags.pin === undefined ? unapproved : havePin(unapproved, flags.pin);
      if (waiting.length === 0) return { json: { approved: [] }, text: "nothing to approve" };
      const names = waiting.map((row) => `${row.tool} (${row.state})`).join(", ");
      const lines: string[] = [];
      for (const row of waiting) lines.push(...linesOf(row, await readFacts(database, row)));
      await confirm(context, flags, `${lines.join("\n")}\nApprove ${names} of ${module} exactly so?`);
      for (const row of waiting) await approveTool(database, row, actorOf(context));
      const approved = waiting.map((row) => ({ module: row.module, tool: row.tool, pin: row.seen }));
      return {
        json: { approved },
        text: `approved ${waiting.map((row) => row.tool).join(", ")}\nnext: mcpist access grant USER ${module}`,
      };
    });
  },
);
