/**
 * The thread in which PGlite lives: WebAssembly works without yielding, and gateway traffic must not wait for it.
 * Receives the SQL to start with and a port; answers with the port that it got, or with the reason why not.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { PGlite } from "@electric-sql/pglite";
import { startFront } from "./front.ts";
import { openMigrated, type SqlFile } from "./snapshot.ts";

/** What the thread is started with. */
export interface ThreadInput {
  /** 0 = any. */
  readonly port: number;
  /** Run in order, as the superuser, before anybody can connect. */
  readonly sql: readonly SqlFile[];
}
/** What the thread answers, once. */
export type ThreadOutput =
  | { readonly port: number; readonly roles: readonly string[] }
  | { readonly error: string; readonly code?: string };

async function start(input: ThreadInput): Promise<ThreadOutput> {
  let database: PGlite;
  try {
    database = await openMigrated(input.sql);
  } catch (cause) {
    return { error: cause instanceof Error ? cause.message : "the database did not start" };
  }
  const { rows } = await database.query<{ rolname: string }>("select rolname from pg_roles where rolname !~ '^pg_'");
  try {
    const front = await startFront(database, input.port);
    return { port: front.port, roles: rows.map(({ rolname }) => rolname) };
  } catch (cause) {
    const { message, code } = cause as NodeJS.ErrnoException;
    return { error: message, ...(code === undefined ? {} : { code }) };
  }
}

const output = await start(workerData as ThreadInput);
parentPort?.postMessage(output); // oxlint-disable-line unicorn/require-post-message-target-origin -- a thread's port, not a window
