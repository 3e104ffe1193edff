/** `mcpist secrets history`: the journal, newest first. */
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import { printJson, table } from "../output.ts";
import { printable } from "../redact.ts";
import { openSession, type CommonFlags } from "../session.ts";

/** The command. */
export async function secretsHistory(
  context: Context,
  flags: CommonFlags & { readonly limit: string },
): Promise<ExitCode> {
  const limit = Number(flags.limit);
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new McpistError("ERR_USAGE", "--limit takes a whole number from 1", { hint: "--limit 30" });
  const session = await openSession(context, flags);
  const entries = await session.journal.history(limit);
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
  context.stdout.write(
    `${printable(table([["TIME", "RUN", "WHO", "EVENT", "DETAIL"], ...rows])).replaceAll("\uFFFD", "?")}\n`,
  );
  return EXIT.done;
}
