/**
 * An origin in a process of its own that stops where it is told to, so that a test can kill or suspend it there. The product's own
 * parts from the server to the database; only the modules are the test's, and their effect is a row that outlives the process.
 */
import { randomBytes } from "node:crypto";
import { flushCompileCache } from "node:module";
import pg from "pg";
import { z } from "zod";
import { assemble } from "../origin/assemble.ts";
import type { Database } from "../origin/database/database.ts";
import { openPostgres } from "../origin/database/pg.ts";
import { tool, type Module } from "../origin/modules/module.ts";
import { createRegistry } from "../origin/modules/registry.ts";

/** Where it can be stopped, in the order of a call. */
export type Point = "permissions" | "claimed" | "waiting" | "before" | "after" | "finish";
/** From the test: at which points so many requests are to stop, and that they may go on. */
export type Order = { readonly stopAt: readonly Point[]; readonly requests: number } | { readonly go: true };
/** To the test. */
export type Report = { readonly port: number } | { readonly stoppedAt: Point };

const { NAME = "", PORT = "0", GATEWAY_SECRET = "", DATABASE_URL = "", ADMIN_URL = "" } = process.env;
const report = (message: Report): void => void process.send?.(message);

let stop: { readonly at: readonly Point[]; left: number } | null = null;
let released = Promise.withResolvers<void>();
process.on("message", (order: Order) => {
  if ("stopAt" in order) stop = { at: order.stopAt, left: order.requests };
  else {
    stop = null;
    released.resolve();
    released = Promise.withResolvers();
  }
});
process.on("disconnect", () => process.exit(0));

/** Stops here when this is the point and not enough have stopped yet. */
async function pass(point: Point): Promise<void> {
  if (!stop?.at.includes(point) || stop.left === 0) return;
  stop.left--;
  report({ stoppedAt: point });
  await released.promise;
}

const admin = new pg.Pool({ connectionString: ADMIN_URL, max: 1 });
admin.on("error", () => undefined);
const input = z.strictObject({});
const effect = async (requestId: string): Promise<{ readonly done: true }> => {
  await pass("before");
  await admin.query("insert into effects (request_id, origin) values ($1::uuid, $2)", [requestId, NAME]);
  await pass("after");
  return { done: true };
};
/** The same tools twice: `plain` answers when it is done, `streamed` at once with an event stream. */
const moduleOf = (name: "plain" | "streamed"): Module => ({
  name,
  description: "Tools for tests",
  network: name === "streamed",
  scopes: [],
  tools: [
    tool({
      name: "look",
      description: "changes nothing",
      input,
      readOnly: true,
      idempotent: true,
      destructive: false,
      run: async () => {
        await pass("before");
        return { done: true };
      },
    }),
    tool({
      name: "mark",
      description: "leaves a mark",
      input,
      readOnly: false,
      idempotent: false,
      destructive: true,
      run: (_, { requestId }) => effect(requestId),
    }),
    tool({
      name: "upsert",
      description: "may be repeated",
      input,
      readOnly: false,
      idempotent: true,
      destructive: false,
      run: (_, { requestId }) => effect(requestId),
    }),
  ],
});

const inner = openPostgres(DATABASE_URL, () => undefined);
const database: Database = {
  ...inner,
  async query(text, parameters) {
    if (text.includes("update mcpist.call_claims set state = 'done'")) await pass("finish");
    const rows = await inner.query<never>(text, parameters);
    if (text.includes("permissions_version::text as version,")) await pass("permissions");
    if (text.includes("insert into mcpist.call_claims")) await pass("claimed");
    if (text.includes("from mcpist.call_claims where request_id")) await pass("waiting");
    return rows;
  },
};
const assembled = assemble(
  {
    port: Number(PORT),
    host: "127.0.0.1",
    config: {
      environment: "test",
      origin: NAME,
      upstreams: {},
      httpStatusHosts: [],
      brokerUrl: null,
      alertWebhook: null,
      database: "shared",
    },
    secrets: { GATEWAY_SECRET_A: GATEWAY_SECRET },
    databaseUrl: DATABASE_URL,
    requestStateKey: randomBytes(32),
    brokerSecret: null,
    drainSeconds: 1,
    ownSecrets: new Map(),
    onFly: false,
    gatewayRanges: null,
    instanceId: NAME,
    deployment: "test",
    marks: {},
  },
  {
    database,
    registry: createRegistry([moduleOf("plain"), moduleOf("streamed")]),
    fetch,
    now: () => performance.now(),
    wallClock: () => new Date(),
    line: () => undefined,
  },
);
if (!assembled.ok) throw new Error(assembled.error);
const { server } = assembled.value.origin;
server.listen(Number(PORT), "127.0.0.1", () => {
  // A killed process keeps nothing of what it compiled.
  flushCompileCache();
  const address = server.address();
  report({ port: typeof address === "object" && address ? address.port : 0 });
});
