/**
 * The project's token broker as Supabase runs it, on loopback: the handler of supabase/ over the sandbox's database and its stand-in
 * for the Vault. Its credential is made here, stays in memory and reaches the origins as their other secrets do.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Hono } from "hono";
import pg from "pg";
import { createCredentialCheck } from "../../../supabase/functions/token-broker/credential.ts";
import { overPool, POOL } from "../../../supabase/functions/token-broker/database.ts";
import { createBroker } from "../../../supabase/functions/token-broker/handler.ts";
import type { Provider } from "../../../supabase/functions/token-broker/refresh.ts";
import { failing, listen, withFaults, type VendorApp, type VendorContext } from "../vendor.ts";

/** Where Supabase serves the function. */
const PATH = "/functions/v1/token-broker";
/** Log lines that are kept. */
const KEPT_LINES = 1_000;

export interface BrokerOptions {
  /** Connection string of the role mcpist_broker. */
  readonly databaseUrl: string;
  /** By module name. */
  readonly providers: ReadonlyMap<string, Provider>;
}

/** The running broker. */
export interface Broker {
  /** Of the function, with its path. */
  readonly url: string;
  /** 64 lower-case hex characters; what origins have as BROKER_SECRET. */
  readonly secret: string;
  /** What the function wrote to its log, the last lines only. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  close(): Promise<void>;
}

/** Starts the broker; it connects to the database when it is first asked. @throws when the port is taken. */
export async function startBroker(context: VendorContext, { databaseUrl, providers }: BrokerOptions): Promise<Broker> {
  const pool = new pg.Pool({ connectionString: databaseUrl, ...POOL });
  const secret = randomBytes(32).toString("hex");
  const lines: Readonly<Record<string, unknown>>[] = [];
  const handle = createBroker({
    database: overPool(pool),
    isCaller: createCredentialCheck(secret, undefined),
    providers,
    fetch,
    line(event) {
      lines.push(event);
      if (lines.length > KEPT_LINES) lines.shift();
    },
    now: () => performance.now(),
    sleep: (ms) => sleep(ms, undefined, { ref: false }),
    later: (work) => void work,
  });
  const app: VendorApp = new Hono();
  app.onError(failing("broker", context));
  app.all(PATH, (c) => handle(c.req.raw));
  const listener = await listen(withFaults("broker", context, app), context.port("broker"));
  return {
    url: listener.url + PATH,
    secret,
    lines,
    async close() {
      await listener.close();
      await pool.end();
    },
  };
}
