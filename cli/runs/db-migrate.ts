/**
 * `mcpist db migrate`: brings the project's database up to date, step by step, registers the tools of this version and admits accounts
 * that have no row. Each step is a transaction with its record, so that running it again goes on where it stopped.
 */
import { complete, migrate, MigrationError, type Completed, type MigrateReport } from "../../supabase/migrate/apply.ts";
import { explain } from "../../supabase/migrate/explain.ts";
import { toolsOf } from "../../supabase/migrate/own-modules.ts";
import { observe } from "../../supabase/migrate/state.ts";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { CommonFlags } from "../flags.ts";
import { printJson, Progress, printProse } from "../output.ts";
import { projectModules } from "../project.ts";
import { openDatabase, type OpenDatabase } from "../targets/postgres.ts";

function failure(cause: unknown, applied: number): McpistError {
  if (cause instanceof McpistError) return cause;
  if (!(cause instanceof MigrationError))
    return new McpistError("ERR_VENDOR", explain(cause), { hint: HINTS.dbStatus(), cause });
  return new McpistError(
    applied > 0 ? "ERR_PARTIAL" : "ERR_VENDOR",
    `${cause.step}: ${cause.message}; nothing of this step was kept`,
    { hint: HINTS.dbStatus(), cause },
  );
}

const sentence = (applied: readonly string[], { tools, accounts, mended }: Completed): string =>
  [
    applied.length === 0 ? "up to date" : `applied ${applied.length} migrations`,
    ...(tools > 0 ? [`added ${tools} tools, granted to nobody`] : []),
    ...(accounts > 0 ? [`admitted ${accounts} accounts`] : []),
    ...mended.map((what) => `put back ${what}`),
  ].join("; ");

/** The command. */
export async function dbMigrate(
  context: Context,
  flags: CommonFlags,
  open: OpenDatabase = openDatabase,
): Promise<ExitCode> {
  const own = toolsOf(await projectModules(context, flags));
  const database = await open(context);
  const progress = new Progress(context, { json: flags.json });
  let done = 0;
  let admitted = 0;
  // A terminal draws a step until it has ended.
  const running = new Set<(outcome: string) => void>();
  const report: MigrateReport = {
    begin(step) {
      const end = progress.begin(step);
      running.add(end);
      return () => {
        done++;
        running.delete(end);
        end("done");
      };
    },
    admitted(count) {
      admitted += count;
      context.stderr.write(`admitted ${admitted} accounts\n`);
    },
  };
  try {
    const { findings } = await observe(database, own);
    const obstacle = findings.find(({ blocks }) => blocks);
    if (obstacle) throw new McpistError("ERR_REFUSED", obstacle.what, { hint: HINTS.schema(obstacle.hint) });
    const applied = await migrate(database, report);
    const completed = await complete(database, report, own);
    if (flags.json)
      printJson(context, {
        command: "db migrate",
        ok: true,
        exitCode: EXIT.done,
        applied,
        ...completed,
        // Those before the step that admits everybody were in batches, too.
        accounts: admitted,
        steps: progress.steps,
      });
    else printProse(context, `done  ${sentence(applied, { ...completed, accounts: admitted })}\n`);
    return EXIT.done;
  } catch (cause) {
    for (const end of running) end("failed");
    throw failure(cause, done);
  } finally {
    await progress.end();
    await database.close().catch(() => {});
  }
}
