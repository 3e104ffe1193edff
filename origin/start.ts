/**
 * Starts an origin: reads the environment, listens, drains on SIGTERM. The only file that touches the process. Standard output gets
 * JSON lines, first of all the one that says on which port it listens; a refusal to start is one sentence on standard error.
 */
import { randomUUID } from "node:crypto";
import { accessSync, constants, readFileSync, writeSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { pino } from "pino";
import { assemble } from "./assemble.ts";
import { parseEnvironment } from "./config.ts";
import { authorityFault } from "./database/authority.ts";
import { lazily, type Database } from "./database/database.ts";
import { faultOf } from "./faults.ts";
import { VERSION } from "./calls/mcp.ts";
import type { Module } from "./modules/module.ts";
import { builtIn, createRegistry, type Registry } from "./modules/registry.ts";
import { findSeparator } from "./servers/separation.ts";
import { createServers, type Servers } from "./servers/servers.ts";
import { ownModules } from "../supabase/migrate/own-modules.ts";

/** From this time on output that nobody takes is given up: the last flush would wait for its reader for ever. Monotonic, ms. */
let giveUpAt = Number.POSITIVE_INFINITY;
const destination = pino.destination({ fd: 1, sync: false, retryEAGAIN: () => performance.now() < giveUpAt });
const logger = pino({ base: null, timestamp: false, formatters: { level: (level) => ({ level }) } }, destination);
const LEVELS = new Map<unknown, "warn" | "error" | "fatal">([
  ["warn", "warn"],
  ["error", "error"],
  ["critical", "fatal"],
]);
const line = (event: Readonly<Record<string, unknown>>): void => logger[LEVELS.get(event["severity"]) ?? "info"](event);

/** How long the last lines may take. Unit: milliseconds. */
const LAST_WORDS_MS = 1_000;

/** Says why the origin does not start, in one sentence that holds no value. */
function stop(reason: string): never {
  writeSync(2, `mcpist origin: ${reason}\n`);
  process.exit(1);
}

// A bug must not end in a stack trace with whatever a library put into its message.
process.on("uncaughtException", (error) => {
  giveUpAt = Math.min(giveUpAt, performance.now() + LAST_WORDS_MS);
  line({ at: new Date().toISOString(), event: "crashed", severity: "critical", ...faultOf(error) });
  destination.flushSync();
  process.exit(1);
});

async function openDatabase(url: string | null, registry: Registry): Promise<Database> {
  if (url === null) {
    try {
      return await (await import("./database/embedded.ts")).openEmbedded(registry);
    } catch {
      stop("the embedded database cannot be started here: set DATABASE_URL, or install @electric-sql/pglite");
    }
  }
  const fault = authorityFault(url);
  if (fault !== null) stop(`DATABASE_URL ${fault}`);
  const onError = () => line({ at: new Date().toISOString(), event: "database_connection_lost" });
  // The driver is loaded by the first statement, so that listening does not wait for it.
  return lazily(async () => (await import("./database/pg.ts")).openPostgres(url, onError));
}

const settings = parseEnvironment(process.env, randomUUID());
if (!settings.ok) stop(settings.error);
const { port, host, config, databaseUrl, drainSeconds } = settings.value;

function openServers(): Servers | null {
  if (!config.servers) return null;
  const path = process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin";
  const servers = createServers(config.servers, {
    secrets: settings.ok ? settings.value.ownSecrets : new Map(),
    separator: findSeparator(readStatus(), path, isProgram),
    path,
    version: VERSION,
    fetch,
    random: Math.random,
    now: () => performance.now(),
  });
  if (!servers.ok) stop(servers.error);
  return servers.value;
}
function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
/** What the kernel says of this process; empty where there is no such file, so that nothing is assumed. */
function readStatus(): string {
  try {
    return readFileSync("/proc/self/status", "utf8");
  } catch {
    return "";
  }
}
const servers = openServers();

/** Modules of one's own: the folder or the file that MCPIST_MODULES names. */
async function openRegistry(): Promise<Registry> {
  const place = process.env["MCPIST_MODULES"];
  try {
    const own = place === undefined || place === "" ? [] : await ownModules(resolve(place));
    return createRegistry([...builtIn({ ...config, fetch }), ...(own as readonly Module[])], servers?.modules);
  } catch (cause) {
    stop(cause instanceof Error ? cause.message : "the modules cannot be set up");
  }
}
const registry = await openRegistry();
const assembled = assemble(settings.value, {
  database: await openDatabase(databaseUrl, registry),
  registry,
  ...(servers ? { servers } : {}),
  fetch,
  now: () => performance.now(),
  wallClock: () => new Date(),
  line,
});
if (!assembled.ok) stop(assembled.error);
const assembly = assembled.value;

assembly.origin.server.once("error", (error: NodeJS.ErrnoException) =>
  stop(`cannot listen on ${host}:${port} (${error.code ?? "unknown"})`),
);
assembly.origin.server.listen(port, host, () => {
  const address = assembly.origin.server.address() as AddressInfo;
  line({ event: "listening", port: address.port, origin: config.origin });
  assembly.start();
});

let leaving = false;
function onSignal(): void {
  if (leaving) return;
  leaving = true;
  giveUpAt = performance.now() + drainSeconds * 1000 + LAST_WORDS_MS;
  void assembly.stop(drainSeconds * 1000).then(
    () => {
      destination.flushSync();
      process.exit(0);
    },
    () => process.exit(1),
  );
}
process.on("SIGTERM", onSignal);
process.on("SIGINT", onSignal);
