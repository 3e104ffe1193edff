/** What the commands `tools` and `access` have in common: the owner's connection, one answer, and a question before a change. */
import { createInterface } from "node:readline/promises";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { CommonFlags } from "../flags.ts";
import { printJson, printProse } from "../output.ts";
import { printable } from "../redact.ts";
import type { OwnerDatabase } from "../../supabase/migrate/database.ts";
import { openDatabase, type OpenDatabase } from "../targets/postgres.ts";

/** What a command came to. */
export interface Answer {
  /** Fields of the JSON object between the common ones. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Lines for people. */
  readonly text: string;
  readonly exitCode?: ExitCode;
}

/** Runs `work` over the database of DATABASE_URL and prints its answer. */
export async function withDatabase(
  context: Context,
  flags: CommonFlags,
  command: string,
  work: (database: OwnerDatabase) => Promise<Answer>,
  open: OpenDatabase = openDatabase,
): Promise<ExitCode> {
  const database = await open(context);
  try {
    const { json, text, exitCode = EXIT.done } = await work(database);
    if (flags.json) printJson(context, { command, ok: exitCode === EXIT.done, exitCode, ...json });
    else printProse(context, `${printable(text)}\n`);
    return exitCode;
  } finally {
    await database.close().catch(() => {});
  }
}

/** Asks on a terminal; elsewhere --yes is required. @throws {McpistError} when the answer is no. */
export async function confirm(context: Context, flags: CommonFlags, question: string): Promise<void> {
  if (flags.yes) return;
  if (context.stdin.isTTY !== true)
    throw new McpistError("ERR_USAGE", "--yes is required without a terminal", { hint: HINTS.addYes() });
  const [last = "", ...before] = printable(question).split("\n").toReversed();
  // A prompt of several lines would be written anew with each key.
  for (const line of before.toReversed()) process.stderr.write(`${line}\n`);
  const prompt = createInterface({ input: context.stdin, output: process.stderr });
  try {
    const answer = await prompt.question(`${last} [y/N] `, { signal: context.signal });
    if (!/^y(es)?$/i.test(answer.trim()))
      throw new McpistError("ERR_REFUSED", "nothing was changed", { hint: HINTS.sayYes() });
  } finally {
    prompt.close();
  }
}
