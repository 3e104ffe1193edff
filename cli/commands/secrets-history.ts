/** `mcpist secrets history`: the journal, newest first. */
import { defineCommand, wholeNumber } from "../command.ts";
import { EXIT } from "../errors.ts";
import { printJson, table } from "../output.ts";
import { printable } from "../redact.ts";

export const secretsHistory = defineCommand(
  "history",
  {
    summary: "Shows the journal of rotations, newest first.",
    examples: ["mcpist secrets history --env production", "mcpist secrets history --env production --limit 5"],
  },
  (command) => command.option("--limit <n>", "entries", wholeNumber("--limit", 1), 30),
  async (context, flags) => {
    const { openSession } = await import("../session.ts");
    const session = await openSession(context, flags);
    const entries = await session.journal.history(flags.limit);
    if (flags.json) {
      printJson(context, {
        command: "secrets history",
        environment: session.name,
        ok: true,
        exitCode: EXIT.done,
        entries: entries.map(({ sha, date, entry }) => ({ sha, date, ...entry })),
      });
      return EXIT.done;
    }
    if (entries.length === 0) {
      context.stdout.write("no rotation has been recorded yet\n");
      return EXIT.done;
    }
    const rows = entries.map(({ date, entry }) => [
      date,
      entry.run,
      entry.actor,
      entry.event,
      Object.entries(entry.detail)
        .map(([key, value]) => `${key}=${value}`)
        .join(" "),
    ]);
    const lines = printable(table([["TIME", "RUN", "WHO", "EVENT", "DETAIL"], ...rows]));
    context.stdout.write(`${lines.replaceAll("\uFFFD", "?")}\n`);
    return EXIT.done;
  },
);
