/** The broker's database over a pool of PostgreSQL connections, whichever runtime made the pool. */
import type { BrokerDatabase } from "./handler.ts";

/** What is used of a `pg.Pool`. */
export interface Pool {
  query(text: string, parameters: unknown[]): Promise<{ rows: unknown[] }>;
  on(event: "error", listener: () => void): unknown;
  on(event: "connect", listener: (client: { on(event: "error", listener: () => void): unknown }) => void): unknown;
}

/**
 * Connections of one instance, and how long it waits for one and for a statement. No statement waits for anything but another
 * statement, so that few are enough. Unit: milliseconds.
 */
export const POOL = { max: 4, connectionTimeoutMillis: 2_000, query_timeout: 3_000 } as const;

/** Uses the pool from now on; whoever made it ends it. */
export function overPool(pool: Pool): BrokerDatabase {
  pool.on("error", () => {});
  // The pool stops listening to a client that it is closing; an error that nobody hears would end the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  return {
    query: async <Row extends object>(text: string, parameters: readonly (string | number | boolean | null)[]) =>
      (await pool.query(text, [...parameters])).rows as Row[],
  };
}
