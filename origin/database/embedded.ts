/**
 * PGlite inside the process, in memory, migrated and seeded: for one origin on its own, when the configuration says "embedded".
 * Two origins with embedded databases share nothing: no claims, no counters, no revocations.
 */
import { readdir, readFile } from "node:fs/promises";
import type { Database } from "./database.ts";

const MIGRATIONS = new URL("../../supabase/migrations/", import.meta.url);
const SEED = new URL("../../supabase/seed.sql", import.meta.url);

/** The migrations in order: file name and text. */
export async function readMigrations(): Promise<readonly { readonly name: string; readonly text: string }[]> {
  const names = (await readdir(MIGRATIONS)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(names.map(async (name) => ({ name, text: await readFile(new URL(name, MIGRATIONS), "utf8") })));
}

/** Development data: users, grants, one decoy. */
export const readSeed = (): Promise<string> => readFile(SEED, "utf8");

/** Starts PGlite in memory, migrates and seeds it. */
export async function openEmbedded(): Promise<Database> {
  const { PGlite } = await import("@electric-sql/pglite");
  const db = await PGlite.create();
  for (const { text } of await readMigrations()) await db.exec(text);
  await db.exec(await readSeed());
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
