/**
 * The process in which PGlite lives: WebAssembly works without yielding, and its memory would make every start of another process
 * slow (a fork beside 700 MB takes 50 ms instead of 2). Receives its input over IPC, answers once, ends with its parent.
 */
import type { PGlite } from "@electric-sql/pglite";
import { startFront } from "./front.ts";
import { openMigrated, type SqlFile } from "./snapshot.ts";

/** What the process is started with. */
export interface ChildInput {
  /** 0 = any. */
  readonly port: number;
  /** Run in order, as the superuser, before anybody can connect. */
  readonly sql: readonly SqlFile[];
}
/** What the process answers, once. */
export type ChildOutput =
  | { readonly port: number; readonly roles: readonly string[] }
  | { readonly error: string; readonly code?: string };

async function start(input: ChildInput): Promise<ChildOutput> {
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

process.once("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole process group; origins that are draining still need their database.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.once("message", (input: ChildInput) => void start(input).then((output) => process.send?.(output)));
