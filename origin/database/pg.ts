/**
 * PostgreSQL over a small pool. Unnamed statements only, a time limit on everything, no long transactions.
 * PGlite behind its socket server (the sandbox) is recognised and handled: there all clients share one session, and messages of
 * two clients may interleave, so every statement is wrapped in a transaction, which that server never interleaves.
 */
import pg from "pg";
import type { Database, Parameter } from "./database.ts";

/** Connections of one origin process; `?pool_max=N` in DATABASE_URL overrides it. */
const DEFAULT_POOL_MAX = 5;
const CONNECT_TIMEOUT_MS = 5_000;
const QUERY_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 30_000;

/** `url` without our own parameter, and the pool size that it asked for. */
export function splitPoolSize(url: string): { readonly connectionString: string; readonly max: number } {
  const parsed = new URL(url);
  const asked = Number(parsed.searchParams.get("pool_max") ?? DEFAULT_POOL_MAX);
  parsed.searchParams.delete("pool_max");
  return { connectionString: parsed.href, max: Number.isInteger(asked) && asked >= 1 && asked <= 50 ? asked : DEFAULT_POOL_MAX };
}

type Run = <Row extends object>(text: string, parameters: readonly Parameter[]) => Promise<readonly Row[]>;

async function inTransaction<Row extends object>(pool: pg.Pool, text: string, parameters: readonly Parameter[]): Promise<readonly Row[]> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    const { rows } = await client.query<Row>(text, [...parameters]);
    await client.query("commit");
    client.release();
    return rows;
  } catch (cause) {
    // The connection goes with its transaction: a pooled one must never come back inside an old transaction.
    client.release(true);
    throw cause;
  }
}

/** Opens the pool; the first connection is made by the first statement. `onError` hears of idle connections that broke. */
export function openPostgres(url: string, onError: () => void, { queryTimeoutMs = QUERY_TIMEOUT_MS } = {}): Database {
  const { connectionString, max } = splitPoolSize(url);
  const settings = {
    connectionString,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: queryTimeoutMs,
    application_name: "mcpist-origin",
  };
  const pool = new pg.Pool({ ...settings, max, idleTimeoutMillis: IDLE_TIMEOUT_MS, allowExitOnIdle: true });
  pool.on("error", onError);

  const plain: Run = async <Row extends object>(text: string, parameters: readonly Parameter[]) =>
    (await pool.query<Row>(text, [...parameters])).rows;
  const wrapped: Run = (text, parameters) => inTransaction(pool, text, parameters);
  let embedded: Promise<boolean> | null = null;
  const isEmbedded = (): Promise<boolean> => {
    embedded ??= pool
      .query<{ version: string }>("select version()")
      .then(({ rows }) => (rows[0]?.version ?? "").includes("PGlite"))
      .catch((cause: unknown) => {
        embedded = null;
        throw cause;
      });
    return embedded;
  };

  return {
    async query(text, parameters = []) {
      return (await isEmbedded()) ? wrapped(text, parameters) : plain(text, parameters);
    },
    async script(text) {
      await pool.query(text);
    },
    async listen(channel, onPayload, onLost) {
      if (await isEmbedded()) return null;
      const client = new pg.Client(settings);
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
      await client.connect();
      await client.query(`listen ${client.escapeIdentifier(channel)}`);
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
