/**
 * PostgreSQL over a small pool. Unnamed statements only, a time limit on everything, no transaction longer than a statement, so
 * that it also runs behind connection poolers. Listening takes a connection of its own, outside the pool.
 */
import { readFileSync } from "node:fs";
import pg from "pg";
import { readDatabaseUrl } from "../../contract/database-url.ts";
import type { Database } from "./database.ts";

/** Connections of one origin process; `?pool_max=N` in DATABASE_URL overrides it. */
const DEFAULT_POOL_MAX = 5;
const CONNECT_TIMEOUT_MS = 5_000;
const QUERY_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 30_000;

/** `url` without our own parameter, and the pool size that it asked for: a whole number from 1 to 50. */
export function splitPoolSize(url: string): { readonly connectionString: string; readonly max: number } {
  const parsed = new URL(url);
  const asked = Number(parsed.searchParams.get("pool_max") ?? DEFAULT_POOL_MAX);
  parsed.searchParams.delete("pool_max");
  return {
    connectionString: parsed.href,
    max: Number.isInteger(asked) && asked >= 1 && asked <= 50 ? asked : DEFAULT_POOL_MAX,
  };
}

/**
 * Opens the pool; the first connection is made by the first statement. `onError` hears of connections that broke while idle.
 * @throws {TypeError} when the address is not one that may be used; the text says why, without any part of it.
 */
export function openPostgres(url: string, onError: () => void, { queryTimeoutMs = QUERY_TIMEOUT_MS } = {}): Database {
  const address = readDatabaseUrl(url);
  if (typeof address === "string") throw new TypeError(`DATABASE_URL ${address}`);
  const { verify, caFile } = address;
  const { connectionString, max } = splitPoolSize(address.url);
  const settings = {
    connectionString,
    // Said here, it also counts when the environment tells Node not to check certificates.
    ssl: verify && { rejectUnauthorized: true, ...(caFile === null ? {} : { ca: readFileSync(caFile, "utf8") }) },
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: queryTimeoutMs,
    application_name: "mcpist-origin",
  };
  const pool = new pg.Pool({ ...settings, max, idleTimeoutMillis: IDLE_TIMEOUT_MS, allowExitOnIdle: true });
  pool.on("error", onError);
  // The pool stops listening to a client that it is closing; an error that nobody hears would end the process.
  pool.on("connect", (client) => client.on("error", () => {}));

  return {
    async query<Row extends object>(text: string, parameters: readonly unknown[] = []) {
      return (await pool.query<Row>(text, [...parameters])).rows;
    },
    async script(text) {
      await pool.query(text);
    },
    async listen(channel, onPayload, onLost) {
      const client = new pg.Client({ ...settings, keepAlive: true });
      let open = true;
      const lose = () => {
        if (!open) return;
        open = false;
        onLost();
        client.end().catch(onError);
      };
      client.on("error", lose);
      client.on("end", lose);
      client.on("notification", ({ payload }) => onPayload(payload ?? ""));
      try {
        await client.connect();
        await client.query(`listen ${client.escapeIdentifier(channel)}`);
      } catch (cause) {
        open = false;
        client.end().catch(onError);
        throw cause;
      }
      return async () => {
        open = false;
        await client.end();
      };
    },
    async close() {
      await pool.end();
    },
  };
}
