/**
 * Applies supabase/migrations in order, each in one transaction together with its record. The record is the table that the Supabase
 * CLI keeps, so `supabase db push` and this code can take turns. It never edits what was applied before.
 */
import type { SchemaDatabase } from "./database.ts";
import { explain, lineOf } from "./explain.ts";
import { BUILT_IN_TOOLS, readMigrations, type Migration, type ToolNames } from "./files.ts";

/** Two migrations at once would both see nothing applied. */
const LOCK = "select pg_advisory_xact_lock(7064923815)";
/** A statement that waits for a table makes everybody else wait behind it. Set after the lock above, which may take its time. */
const IMPATIENT = "select set_config('lock_timeout', '5s', true)";
const RECORDS = `
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (version text primary key, statements text[], name text);`;
const APPLIED = "select version from supabase_migrations.schema_migrations";
/** Gives every account a row, in one statement; what is done before in batches is not done there. */
const ADMITS_ACCOUNTS = "20261127000011";
/** Accounts of one statement: a second or two. */
const BATCH = 20_000;
const ADMIT = `
with next as (select id from auth.users where id > $1::uuid order by id limit $2),
added as (insert into mcpist.users (user_id) select id from next on conflict do nothing returning user_id)
select (select id::text from next order by id desc limit 1) as last, (select count(*)::int from added) as added`;

/** Hears what is being done. */
export interface MigrateReport {
  /** @returns what is called when the step is done. */
  readonly begin: (step: string) => () => void;
  /** More accounts have a row; `count` since the last time. */
  readonly admitted: (count: number) => void;
}
const SILENT: MigrateReport = { begin: () => () => {}, admitted: () => {} };

/** A step that failed; nothing of it was kept, and everything before it was. */
export class MigrationError extends Error {
  /** File of the step, with the line where the server names it. */
  readonly step: string;
  constructor(step: string, cause: unknown, role: string | null) {
    super(explain(cause, role), { cause });
    this.name = "MigrationError";
    this.step = step;
  }
}

const isRecorded = (cause: unknown): boolean =>
  cause instanceof Error && "constraint" in cause && cause.constraint === "schema_migrations_pkey";

async function roleOf(database: SchemaDatabase): Promise<string | null> {
  const rows = await database.query<{ role: string }>("select current_user::text as role").catch(() => []);
  return rows[0]?.role ?? null;
}

async function hasAccounts(database: SchemaDatabase): Promise<boolean> {
  const [found] = await database.query<{ there: boolean }>("select to_regclass('auth.users') is not null as there");
  return found?.there ?? false;
}

/** Gives every account of Supabase Auth that has none a row, in batches. @returns how many. @throws whatever the driver throws. */
export async function admitAccounts(database: SchemaDatabase, report: MigrateReport = SILENT): Promise<number> {
  if (!(await hasAccounts(database))) return 0;
  let total = 0;
  for (let last: string | null = "00000000-0000-0000-0000-000000000000"; last !== null;) {
    const [batch]: readonly { last: string | null; added: number }[] = await database.query(ADMIT, [last, BATCH]);
    last = batch?.last ?? null;
    total += batch?.added ?? 0;
    if (batch && batch.added > 0) report.admitted(batch.added);
  }
  return total;
}

/** @returns false when somebody else has applied it meanwhile. */
async function apply(database: SchemaDatabase, { version, name, text }: Migration): Promise<boolean> {
  // One message without BEGIN is one transaction; version and name are digits, letters and underscores (checked when they are read).
  const record = `insert into supabase_migrations.schema_migrations (version, name) values ('${version}', '${name}');`;
  // The record comes first: where another program has applied this one while we waited for the lock, nothing else is run.
  const before = `${LOCK};\n${IMPATIENT};\n${record}\n`;
  try {
    await database.script(before + text);
    return true;
  } catch (cause) {
    if (isRecorded(cause)) return false;
    const line = lineOf(cause, text, before.length);
    throw new MigrationError(
      `${version}_${name}.sql${line === null ? "" : `, line ${line}`}`,
      cause,
      await roleOf(database),
    );
  }
}

/** Applies what is missing. @returns the versions that were applied now. @throws {MigrationError} naming the step. */
export async function migrate(database: SchemaDatabase, report: MigrateReport = SILENT): Promise<readonly string[]> {
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw cause instanceof MigrationError ? cause : new MigrationError(name, cause, await roleOf(database));
    }
  };
  await step("the table of records", () => database.script(`${LOCK}; ${RECORDS}`));
  const applied: string[] = [];
  for (const migration of await readMigrations()) {
    const { version, name } = migration;
    // Asked anew each time: another program may be at it, too.
    const known = await step("the table of records", () => database.query(`${APPLIED} where version = $1`, [version]));
    if (known.length > 0) continue;
    const done = report.begin(`${version}_${name}`);
    if (version === ADMITS_ACCOUNTS) await step("accounts that are there", () => admitAccounts(database, report));
    if (await apply(database, migration)) applied.push(version);
    done();
  }
  return applied;
}

/** What is not a migration, and may have to be done again. */
export interface Completed {
  readonly tools: number;
  readonly accounts: number;
  /** Things that were missing and are there again. */
  readonly mended: readonly string[];
}

const TRIGGERS = [
  ["mcpist_sign_up", "after insert", "on_sign_up"],
  ["mcpist_account_deleted", "after delete", "on_account_deleted"],
] as const;

/**
 * Adds tools of this version, accounts that have no row, and what somebody removed by hand.
 * @param own tools of modules of one's own
 * @throws {MigrationError}.
 */
export async function complete(
  database: SchemaDatabase,
  report: MigrateReport = SILENT,
  own: ToolNames = [],
): Promise<Completed> {
  const mended: string[] = [];
  try {
    const plan = await database.query(
      "insert into mcpist.plans (id, per_minute) values ('free', 30) on conflict do nothing returning id",
    );
    if (plan.length > 0) mended.push("the plan free");
    if (await hasAccounts(database)) {
      for (const [name, event, called] of TRIGGERS) {
        const there = await database.query(
          "select 1 from pg_trigger where tgrelid = 'auth.users'::regclass and tgname = $1",
          [name],
        );
        if (there.length > 0) continue;
        await database.script(
          `${IMPATIENT}; create trigger ${name} ${event} on auth.users for each row execute function mcpist.${called}()`,
        );
        mended.push(`the trigger ${name}`);
      }
    }
    const added = await database.query(
      `insert into mcpist.tools (module_id, tool_id)
       select x ->> 0, x ->> 1 from json_array_elements($1::json) as x on conflict do nothing returning tool_id`,
      [JSON.stringify([...BUILT_IN_TOOLS, ...own])],
    );
    return { tools: added.length, accounts: await admitAccounts(database, report), mended };
  } catch (cause) {
    throw new MigrationError("what follows the migrations", cause, await roleOf(database));
  }
}
