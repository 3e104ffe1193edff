/** `mcpist secrets history`: the journal, newest first. */
import { defineCommand, wholeNumber } from "../command.ts";
import { EXIT } from "../errors.ts";
import { table } from "../layout.ts";
import { printJson, printProse } from "../output.ts";
import { printable } from "../redact.ts";
import type { JournalTip } from "../secrets/journal-entry.ts";

/** Newest first. What was noted came before the entry that it was written with, and has no time of its own. */
export const historyRows = (entries: readonly JournalTip[]): readonly (readonly string[])[] =>
  entries.flatMap(({ date, entry: { run, actor, since = [], event: last, detail: said } }) => [
    [date, run, actor, last, wordsOf(said)],
    ...since.toReversed().map(({ event, detail }) => ["", run, actor, event, wordsOf(detail)]),
  ]);

const wordsOf = (detail: Readonly<Record<string, string>>): string =>
  Object.entries(detail)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");

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
    const lines = printable(table([["TIME", "RUN", "WHO", "EVENT", "DETAIL"], ...historyRows(entries)]));
    printProse(context, `${lines.replaceAll("\uFFFD", "?")}\n`);
    return EXIT.done;
  },
);
