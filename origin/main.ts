/** Starts an origin: reads the environment, opens the database, listens, drains on SIGTERM. The only file that touches the process. */
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { parseEnvironment } from "./config.ts";
import type { Database } from "./database/database.ts";
import type { EventSink } from "./events.ts";
import { runTool } from "./execute.ts";
import { createMcp } from "./mcp.ts";
import { builtIn, createRegistry } from "./modules/registry.ts";
import { createObserver } from "./observe.ts";
import { createOrigin } from "./server.ts";
import { createPermissionCache } from "./sieve/permissions.ts";
import { createGate } from "./verify.ts";

const print = (line: Readonly<Record<string, unknown>>): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

/** Says why the origin does not start, in one sentence that holds no value. */
function stop(reason: string): never {
  process.stderr.write(`mcpist origin: ${reason}\n`);
  process.exit(1);
}

async function openDatabase(url: string | null): Promise<Database> {
  if (url === null) return (await import("./database/embedded.ts")).openEmbedded();
  return (await import("./database/pg.ts")).openPostgres(url, () => {});
}

const settings = parseEnvironment(process.env);
if (!settings.ok) stop(settings.error);
const { port, host, config, secrets, databaseUrl, requestStateKey, drainSeconds, instanceId, deployment } = settings.value;
const gate = createGate(secrets);
if (!gate.ok) stop(gate.error);

const now = () => performance.now();
const registry = createRegistry(builtIn());
const database = await openDatabase(databaseUrl);
const events: EventSink = {
  record: (occurrence) => print({ at: new Date().toISOString(), layer: "origin", origin: config.origin, ...occurrence }),
};
const permissions = createPermissionCache({ database, registry, now, onGrace: () => {} });
const mcp = createMcp({
  registry,
  requestStateKey,
  execute: (exchange, module, tool, params) => runTool(exchange, module, tool, params, { events, now: () => new Date() }),
  onRefused: () => {},
  onError: () => {},
});
const observer = createObserver(gate.value, instanceId ?? `local-${randomUUID()}`, deployment ?? "local", now);
const origin = createOrigin({
  name: config.origin,
  gate: gate.value,
  observer,
  permissions,
  mcp,
  events,
  ready: async () => {
    try {
      await database.query("select 1");
      return true;
    } catch {
      return false;
    }
  },
});

origin.server.once("error", (error: NodeJS.ErrnoException) => stop(`cannot listen on ${host}:${port} (${error.code ?? "unknown"})`));
origin.server.listen(port, host, () => {
  const address = origin.server.address() as AddressInfo;
  print({ event: "listening", port: address.port, origin: config.origin });
});

let leaving = false;
async function leave(): Promise<void> {
  if (leaving) return;
  leaving = true;
  await origin.drain(drainSeconds * 1000);
  await mcp.close();
  await database.close();
  process.exit(0);
}
process.on("SIGTERM", () => void leave());
process.on("SIGINT", () => void leave());
