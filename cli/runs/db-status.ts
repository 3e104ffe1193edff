/** `mcpist db status`: how the project's database stands. Reads only; exit 3 when anything is off. */
import { explain } from "../../supabase/migrate/explain.ts";
import { toolsOf } from "../../supabase/migrate/own-modules.ts";
import { observe, type SchemaState } from "../../supabase/migrate/state.ts";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { CommonFlags } from "../flags.ts";
import { printJson, printProse } from "../output.ts";
import { printable } from "../redact.ts";
import { projectModules } from "../project.ts";
import { openDatabase, type OpenDatabase } from "../targets/postgres.ts";

/** What was found, as lines. */
export function describeState({ server, role, readable, applied, pending, findings }: SchemaState): string {
  const lines = [
    `database  PostgreSQL ${server}, as ${role}`,
    readable
      ? `schema    ${applied.length} of ${applied.length + pending.length} migrations${applied.length > 0 ? `, last ${applied.at(-1)}` : ""}`
      : "schema    what is applied cannot be seen like this",
    ...findings.flatMap(({ what, hint }) => [`off       ${what}`, `          → ${hint}`]),
    ...(findings.length === 0 ? ["ok        nothing is missing"] : []),
  ];
  return printable(`${lines.join("\n")}\n`);
}

/** The command. */
export async function dbStatus(
  context: Context,
  flags: CommonFlags,
  open: OpenDatabase = openDatabase,
): Promise<ExitCode> {
  const own = toolsOf(await projectModules(context, flags));
  const database = await open(context);
  let state: SchemaState;
  try {
    state = await observe(database, own);
  } catch (cause) {
    throw new McpistError("ERR_VENDOR", explain(cause), { hint: HINTS.connect(), cause });
  } finally {
    await database.close();
  }
  const exitCode = state.findings.length === 0 ? EXIT.done : EXIT.refused;
  if (flags.json) printJson(context, { command: "db status", ok: exitCode === EXIT.done, exitCode, ...state });
  else printProse(context, describeState(state));
  return exitCode;
}
