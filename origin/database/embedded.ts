/**
 * PGlite inside the process, in memory, migrated and seeded: for one origin on its own, when the configuration says "embedded".
 * Two origins with embedded databases share nothing: no claims, no counters, no revocations.
 */
import type { PGlite } from "@electric-sql/pglite";
import type { Registry } from "../modules/registry.ts";
import type { Database } from "./database.ts";
import { migrate } from "../../supabase/migrate/apply.ts";
import { addTools, readSeed } from "./migrations.ts";

/** The seam around a PGlite. */
export function fromPglite(db: PGlite): Database {
  return {
    async query<Row extends object>(text: string, parameters: readonly unknown[] = []) {
      return (await db.query<Row>(text, [...parameters])).rows;
    },
    async script(text) {
      await db.exec(text);
    },
    async listen(channel, onPayload) {
      return db.listen(channel, onPayload);
    },
    async close() {
      await db.close();
    },
  };
}

/** Starts PGlite in memory with schema, tools and seed. */
export async function openEmbedded(registry: Registry): Promise<Database> {
  const { PGlite } = await import("@electric-sql/pglite");
  const database = fromPglite(await PGlite.create());
  await migrate(database);
  await addTools(database, registry);
  await database.script(await readSeed());
  return database;
}
