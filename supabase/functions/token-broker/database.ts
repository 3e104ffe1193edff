/** The broker's database over a pool of PostgreSQL connections, whichever runtime made the pool. */
import type { BrokerDatabase, Query } from "./handler.ts";

interface Queries {
  query(text: string, parameters: unknown[]): Promise<{ rows: unknown[] }>;
}
interface Client extends Queries {
  /** @param destroy true = the connection is closed */
  release(destroy?: boolean): void;
  on(event: "error", listener: () => void): unknown;
}
/** What is used of a `pg.Pool`. */
export interface Pool extends Queries {
  connect(): Promise<Client>;
  on(event: "error", listener: () => void): unknown;
  on(event: "connect", listener: (client: Client) => void): unknown;
}

const over =
  (connection: Queries): Query =>
  async <Row extends object>(text: string, parameters: readonly (string | number | null)[]) =>
    (await connection.query(text, [...parameters])).rows as Row[];

/** Uses the pool from now on; whoever made it ends it. */
export function overPool(pool: Pool): BrokerDatabase {
  pool.on("error", () => {});
  // The pool stops listening to a client that it is closing; an error that nobody hears would end the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  return {
    query: over(pool),
    async transaction(work) {
      const client = await pool.connect();
      try {
        await client.query("begin", []);
        const result = await work(over(client));
        await client.query("commit", []);
        client.release();
        return result;
      } catch (cause) {
        // Closing the connection ends its transaction and its lock, whatever state it is in.
        client.release(true);
        throw cause;
      }
    },
  };
}
