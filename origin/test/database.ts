/** Databases for tests: PGlite in memory, or a PostgreSQL server that the test starts itself. Each is migrated and has the tools. */
import { readFile } from "node:fs/promises";
import { fromPglite } from "../database/embedded.ts";
import { emptyPglite } from "./kept.ts";
import { migrate } from "../../supabase/migrate/apply.ts";
import { addTools, readSeed } from "../database/migrations.ts";
import type { Database } from "../database/database.ts";
import type { BrokerDatabase } from "../../supabase/functions/token-broker/parts.ts";
import { createRegistry } from "../modules/registry.ts";
import { testModules } from "./modules.ts";

/** One database, seen by its owner and by the roles that programs log in with. */
export interface TestDatabase {
  readonly kind: "pglite" | "postgres";
  readonly admin: Database;
  /** Role mcpist_origin on PostgreSQL; the owner on PGlite, which has one session. Opened anew for each origin. */
  readonly openOrigin: () => Promise<Database>;
  /** Role mcpist_broker on PostgreSQL; the owner on PGlite. */
  readonly broker: BrokerDatabase;
  close(): Promise<void>;
}

/** Supabase Vault's interface without its encryption. */
const VAULT_STAND_IN = new URL("../../supabase/local/vault.sql", import.meta.url);

/** Brings a fresh database to the state that tests expect. */
export async function prepare(admin: Database): Promise<void> {
  await admin.script(await readFile(VAULT_STAND_IN, "utf8"));
  await prepareSchema(admin);
}

/** The same where there is a Vault. */
export async function prepareSchema(admin: Database): Promise<void> {
  await migrate(admin);
  await addTools(admin, createRegistry(testModules({ fetch })));
  await admin.script(await readSeed());
}

const shared = (database: Database): Database => ({ ...database, close: async () => {} });

/** PGlite in memory. */
export async function pgliteDatabase(): Promise<TestDatabase> {
  const admin = fromPglite(await emptyPglite());
  await prepare(admin);
  return {
    kind: "pglite",
    admin,
    openOrigin: async () => shared(admin),
    broker: { query: (text, parameters) => admin.query(text, parameters) },
    close: () => admin.close(),
  };
}
