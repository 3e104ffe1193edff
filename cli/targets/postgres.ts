/** The owner's connection to the project's database: one, for the commands `mcpist db`. The address is in DATABASE_URL and nowhere else. */
import { readFileSync } from "node:fs";
import { readDatabaseUrl } from "../../contract/database-url.ts";
import type { OwnerDatabase } from "../../supabase/migrate/database.ts";
import { explain } from "../../supabase/migrate/explain.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";

/** Unit: milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;
/** One step of a migration over a large table. Unit: milliseconds. */
const STATEMENT_TIMEOUT_MS = 1_800_000;

/** Opens the database of a context. */
export type OpenDatabase = (context: Context) => Promise<OwnerDatabase>;

/** Connects to the database of DATABASE_URL. @throws {McpistError} without any part of the address. */
export const openDatabase: OpenDatabase = async (context) => {
  if (context.database) return context.database();
  const url = context.env["DATABASE_URL"];
  if (url === undefined || url === "")
    throw new McpistError("ERR_CONFIG", "DATABASE_URL is not set", { hint: HINTS.databaseUrl() });
  const address = readDatabaseUrl(url);
  if (typeof address === "string")
    throw new McpistError("ERR_CONFIG", `DATABASE_URL ${address}`, { hint: HINTS.databaseUrl() });
  let ca: string | undefined;
  try {
    if (address.caFile !== null) ca = readFileSync(address.caFile, "utf8");
  } catch (cause) {
    throw new McpistError("ERR_CONFIG", "DATABASE_URL names a file in sslrootcert that cannot be read here", {
      hint: HINTS.caFile(),
      cause,
    });
  }
  const parsed = new URL(address.url);
  // An origin's own parameter; the same address may serve both.
  parsed.searchParams.delete("pool_max");
  const { default: pg } = await import("pg");
  const client = new pg.Client({
    connectionString: parsed.href,
    ssl: address.verify && { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) },
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
    application_name: "mcpist-db",
  });
  // What is lost between two statements is found by the second.
  client.on("error", () => {});
  try {
    await client.connect();
    // A role's own limit is meant for requests: on Supabase it is two minutes, also for the owner.
    await client.query("select set_config('statement_timeout', $1, false)", [String(STATEMENT_TIMEOUT_MS)]);
  } catch (cause) {
    throw new McpistError("ERR_UNREACHABLE", explain(cause), {
      hint: HINTS.connect(),
      cause,
    });
  }
  return {
    async query<Row extends object>(text: string, parameters: readonly (string | number)[] = []) {
      return (await client.query<Row>(text, [...parameters])).rows;
    },
    async script(text) {
      await client.query(text);
    },
    async close() {
      await client.end();
    },
  };
};
