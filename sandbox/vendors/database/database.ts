/**
 * Postgres for the sandbox: PGlite behind a real PostgreSQL socket, migrated and seeded from supabase/; or the server that
 * `DATABASE_URL` names, which is taken as it is and never changed.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { VendorContext } from "../vendor.ts";
import type { ChildInput, ChildOutput } from "./child.ts";
import type { SqlFile } from "./snapshot.ts";

const SUPABASE = new URL("../../../supabase/", import.meta.url);
const CHILD = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./child.ts" : "./child.js", import.meta.url));
/**
 * V8's first compiler alone. Its second one costs more of a processor than PGlite's queries give back in the life of a sandbox: half of
 * what a start takes and a thousand queries, and after ten thousand it is still not ahead.
 */
const FIRST_COMPILER = "--liftoff-only";
/** The roles that origins and the token broker log in with, as in production. */
const ORIGIN_ROLE = "mcpist_origin";
const BROKER_ROLE = "mcpist_broker";

/** The database of one sandbox. */
export interface Database {
  /** Connection string of the origins. */
  readonly url: string;
  /** Connection string of the token broker. */
  readonly brokerUrl: string;
  /** It is the sandbox's own, migrated and seeded. */
  readonly embedded: boolean;
  /** Connection string of the superuser; the same as `url` for a server that is not ours. */
  readonly adminUrl: string;
  close(): Promise<void>;
}

async function sqlFiles(): Promise<ChildInput["sql"]> {
  const names = (await readdir(new URL("migrations/", SUPABASE)).catch(() => []))
    .filter((name) => name.endsWith(".sql"))
    .sort();
  const read = async (name: string) => ({ name, text: await readFile(new URL(name, SUPABASE), "utf8") });
  // The migrations rest on the Vault of Supabase; this one encrypts nothing and holds the sandbox's own tokens only.
  const vault = await read("local/vault.sql").catch(() => null);
  const migrations = await Promise.all(names.map((name) => read(`migrations/${name}`)));
  const seed = await read("seed.sql").catch(() => null);
  return [vault, ...migrations, recordsOf(names), seed].filter((file) => file !== null);
}

/** What `mcpist db migrate` and its runbook leave beside the schema: without it every migration would be called pending. */
function recordsOf(names: readonly string[]): SqlFile {
  if (names.length === 0) return { name: "records.sql", text: "" };
  const rows = names.map((file) => file.replace(/^(\d+)_(\w+)\.sql$/, "('$1', '$2')"));
  const text = `create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
insert into supabase_migrations.schema_migrations (version, name) values ${rows.join(", ")};
alter role ${ORIGIN_ROLE} login; alter role ${BROKER_ROLE} login;`;
  return { name: "records.sql", text };
}

/**
 * Starts PGlite in a process of its own.
 * @throws when the port is taken (`code` EADDRINUSE), or when a migration fails; the message names the file.
 */
export async function startDatabase(context: VendorContext, external?: string): Promise<Database> {
  if (external !== undefined)
    return { url: external, brokerUrl: external, adminUrl: external, embedded: false, close: () => Promise.resolve() };
  const input: ChildInput = { port: context.port("database"), sql: await sqlFiles() };
  // No variable of this process is its business, and it prints nothing but what is broken.
  const child = fork(CHILD, [], { env: {}, execArgv: [FIRST_COMPILER], stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const exited = once(child, "exit");
  const close = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    await exited;
  };
  child.send(input);
  const answer = await Promise.race([once(child, "message"), exited.then(() => null)]);
  const output: ChildOutput = answer ? (answer[0] as ChildOutput) : { error: "it ended before it listened" };
  if ("error" in output) {
    await close();
    throw Object.assign(new Error(`database: ${output.error}`), { code: output.code, port: input.port });
  }
  const roleOr = (role: string) => (output.roles.includes(role) ? role : "postgres");
  const urlFor = (user: string) => `postgres://${user}@127.0.0.1:${output.port}/postgres?sslmode=disable`;
  return {
    url: urlFor(roleOr(ORIGIN_ROLE)),
    brokerUrl: urlFor(roleOr(BROKER_ROLE)),
    embedded: true,
    adminUrl: urlFor("postgres"),
    close,
  };
}
