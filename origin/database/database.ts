/**
 * What the origin needs from a database, whichever it is: PostgreSQL over a pool, or PGlite inside the process. Statements are
 * plain SQL with numbered parameters; nobody builds SQL from text.
 */

/** A value that both drivers take as a parameter. */
export type Parameter = string | number | bigint | boolean | null | Uint8Array | Date;

/** One database. Times out instead of waiting for ever; every method throws when the database does not answer. */
export interface Database {
  /** Runs one statement on its own (it is its own transaction). @throws whatever the driver throws. */
  query<Row extends object>(text: string, parameters?: readonly Parameter[]): Promise<readonly Row[]>;
  /** Runs a script of several statements without parameters, as migrations do. */
  script(text: string): Promise<void>;
  /**
   * Calls `onPayload` for each NOTIFY on `channel` and `onLost` when the subscription ends. Behind some poolers, and on PGlite behind
   * a socket, nothing is ever delivered: whoever listens must also poll. @returns what ends it.
   */
  listen(channel: string, onPayload: (payload: string) => void, onLost: () => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** A database that is opened by its first use. A failed opening is tried again by the next use. */
export function lazily(open: () => Promise<Database>): Database {
  let opened: Promise<Database> | null = null;
  const get = (): Promise<Database> => {
    opened ??= open().catch((cause: unknown) => {
      opened = null;
      throw cause;
    });
    return opened;
  };
  return {
    query: async (text, parameters) => (await get()).query(text, parameters),
    script: async (text) => (await get()).script(text),
    listen: async (channel, onPayload, onLost) => (await get()).listen(channel, onPayload, onLost),
    close: async () => (await opened)?.close(),
  };
}
