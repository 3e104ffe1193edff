/** The broker's database over a pool of PostgreSQL connections, whichever runtime made the pool. */
import { readDatabaseUrl } from "./address.ts";
import type { BrokerDatabase } from "./parts.ts";

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

/**
 * Settings of a `pg.Pool`. `ca`: certificate of the database's authority, PEM; undefined = the authorities that the runtime knows.
 * @throws {TypeError} naming the variable, never the value.
 */
export function poolSettings(url: string | undefined, ca: string | undefined) {
  if (url === undefined) throw new TypeError("BROKER_DATABASE_URL is not set");
  const address = readDatabaseUrl(url);
  if (typeof address === "string") throw new TypeError(`BROKER_DATABASE_URL ${address}`);
  // A function has no files.
  if (address.caFile !== null)
    throw new TypeError("BROKER_DATABASE_URL must not name sslrootcert: put the certificate into BROKER_DATABASE_CA");
  if (ca !== undefined && !ca.startsWith("-----BEGIN CERTIFICATE-----"))
    throw new TypeError("BROKER_DATABASE_CA must be a certificate, PEM");
  return {
    connectionString: address.url,
    ssl: address.verify && { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) },
    ...POOL,
  };
}

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
