/**
 * Postgres for the sandbox: PGlite behind a real PostgreSQL socket, migrated and seeded from supabase/; or the server that
 * `DATABASE_URL` names, which is taken as it is and never changed.
 */
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import type { VendorContext } from "../vendor.ts";
import type { ThreadInput, ThreadOutput } from "./thread.ts";

const SUPABASE = new URL("../../supabase/", import.meta.url);
/** The role that origins log in with, as in production. */
const ORIGIN_ROLE = "mcpist_origin";

/** The database of one sandbox. */
export interface Database {
  /** Connection string of the origins. */
  readonly url: string;
  /** Connection string of the superuser; the same as `url` for a server that is not ours. */
  readonly adminUrl: string;
  close(): Promise<void>;
}

async function sqlFiles(): Promise<ThreadInput["sql"]> {
  const names = (await readdir(new URL("migrations/", SUPABASE)).catch(() => [])).filter((name) => name.endsWith(".sql")).sort();
  const read = async (name: string) => ({ name, text: await readFile(new URL(name, SUPABASE), "utf8") });
  const migrations = await Promise.all(names.map((name) => read(`migrations/${name}`)));
  const seed = await read("seed.sql").catch(() => null);
  return seed ? [...migrations, seed] : migrations;
}

/**
 * Starts PGlite in a thread of its own.
 * @throws when the port is taken (`code` EADDRINUSE), or when a migration fails; the message names the file.
 */
export async function startDatabase(context: VendorContext, external?: string): Promise<Database> {
  if (external !== undefined) return { url: external, adminUrl: external, close: () => Promise.resolve() };
  const port = context.port("database");
  const workerData: ThreadInput = { port, sql: await sqlFiles() };
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const thread = new Worker(new URL(`./thread.${extension}`, import.meta.url), { workerData });
  const [output] = (await once(thread, "message")) as [ThreadOutput];
  if ("error" in output) {
    await thread.terminate();
    throw Object.assign(new Error(`database: ${output.error}`), { code: output.code, port });
  }
  const urlFor = (user: string) => `postgres://${user}@127.0.0.1:${output.port}/postgres?sslmode=disable`;
  return {
    url: urlFor(output.roles.includes(ORIGIN_ROLE) ? ORIGIN_ROLE : "postgres"),
    adminUrl: urlFor("postgres"),
    async close() {
      await thread.terminate();
    },
  };
}
