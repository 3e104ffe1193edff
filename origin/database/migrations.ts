/**
 * Applies supabase/migrations in order, each in one transaction together with its record. The record is the table that the Supabase
 * CLI keeps, so `supabase db push` and this code can take turns. It never edits what was applied before.
 */
import { readdir, readFile } from "node:fs/promises";
import type { Registry } from "../modules/registry.ts";
import type { Database } from "./database.ts";

const MIGRATIONS = new URL("../../supabase/migrations/", import.meta.url);
const SEED = new URL("../../supabase/seed.sql", import.meta.url);
/** Two migrations at once would both see nothing applied. */
const LOCK = "select pg_advisory_xact_lock(7064923815)";
const RECORDS = `
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (version text primary key, statements text[], name text);`;

/** One migration file. */
export interface Migration {
  /** 14 digits. */
  readonly version: string;
  /** Lower-case words joined by underscores. */
  readonly name: string;
  readonly text: string;
}

/** The migrations in order. @throws {TypeError} on a file name that is not `<14 digits>_<name>.sql`. */
export async function readMigrations(): Promise<readonly Migration[]> {
  const files = (await readdir(MIGRATIONS)).filter((file) => file.endsWith(".sql")).sort();
  return Promise.all(
    files.map(async (file) => {
      const [, version, name] = /^(\d{14})_([a-z_]+)\.sql$/.exec(file) ?? [];
      if (version === undefined || name === undefined) throw new TypeError(`bad migration file name: ${file}`);
      return { version, name, text: await readFile(new URL(file, MIGRATIONS), "utf8") };
    }),
  );
}

/** Development data: users, grants, one decoy. */
export const readSeed = (): Promise<string> => readFile(SEED, "utf8");

const isRecorded = (cause: unknown): boolean =>
  cause instanceof Error && "constraint" in cause && cause.constraint === "schema_migrations_pkey";

/** Applies what is missing. @returns the versions that were applied now. */
export async function migrate(database: Database): Promise<readonly string[]> {
  await database.script(`${LOCK}; ${RECORDS}`);
  const applied: string[] = [];
  for (const { version, name, text } of await readMigrations()) {
    const known = await database.query("select version from supabase_migrations.schema_migrations where version = $1", [
      version,
    ]);
    if (known.length > 0) continue;
    // One message without BEGIN is one transaction; version and name are digits, letters and underscores (checked above).
    const record = `insert into supabase_migrations.schema_migrations (version, name) values ('${version}', '${name}');`;
    try {
      // The record comes first: where another program has applied this one while we waited for the lock, nothing else is run.
      await database.script(`${LOCK};\n${record}\n${text}`);
      applied.push(version);
    } catch (cause) {
      if (!isRecorded(cause)) throw cause;
    }
  }
  return applied;
}

/** Adds tools of the registry that the database does not know yet; they are granted to nobody. @returns how many were added. */
export async function addTools(database: Database, registry: Registry): Promise<number> {
  const names = [...registry.values()].flatMap((module) => [...module.tools.keys()].map((tool) => [module.name, tool]));
  const rows = await database.query(
    `insert into mcpist.tools (module_id, tool_id)
     select x ->> 0, x ->> 1 from json_array_elements($1::json) as x on conflict do nothing returning tool_id`,
    [JSON.stringify(names)],
  );
  return rows.length;
}
