/** The servers that the benchmarks of the origin measure, their database and the calls that they get. */
import { fork, type ChildProcess } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once as event } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { fromPglite } from "../../origin/database/embedded.ts";
import { migrate, readSeed } from "../../origin/database/migrations.ts";
import type { Make } from "./load.ts";
import type { Usage } from "./usage.ts";

export type { Make } from "./load.ts";

/** As in the image, for both servers. */
const FLAGS = ["--max-old-space-size=144", "--max-semi-space-size=4"];
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const secret = randomBytes(32).toString("hex");
/** Users of supabase/seed.sql. */
const SEEDED = 60;
const userId = (n: number): string => `00000000-0000-4000-8000-${(1 + n).toString(16).padStart(12, "0")}`;
const requestId = (): string => `0193f000-0000-7${randomUUID().slice(15)}`;

/** More users of the same kind. */
const moreUsers = (count: number): string => `
insert into mcpist.users (user_id, plan_id)
select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'unlimited' from generate_series(${SEEDED + 1}, ${count}) as n;
insert into mcpist.grants (user_id, module_id, tool_id, granted_by)
select u.user_id, 'time', 'now', 'bench' from mcpist.users u on conflict do nothing;`;

/** A modern call of one tool, as the gateway sends it. @param users who take turns */
export function call(module: string, tool: string, users = SEEDED): Make {
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: {
      name: "call",
      arguments: { module, tool, params: {} },
      _meta: {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
      },
    },
  });
  return (n) => ({
    body,
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "call",
      "mcp-param-module": module,
      "mcp-param-tool": tool,
      "x-gateway-secret": secret,
      "x-user-id": userId(n % users),
      "x-request-id": requestId(),
    },
  });
}

/** A server in a process of its own. */
export interface Measured {
  readonly child: ChildProcess;
  readonly port: number;
  readonly usage: () => Promise<Usage>;
}
async function usageOf(child: ChildProcess): Promise<Usage> {
  const answer = event(child, "message");
  child.send("usage");
  return (await answer)[0] as Usage;
}
/** The peer: a bare server of the same SDK. */
export async function startBare(): Promise<Measured> {
  const child = fork(here("bare.ts"), { execArgv: FLAGS, stdio: "ignore" });
  const [{ port }] = (await event(child, "message")) as [{ port: number }];
  return { child, port, usage: () => usageOf(child) };
}
/** The bundle as in its image. */
export async function startOrigin(bundle: string, databaseUrl: string): Promise<Measured> {
  const config = { environment: "bench", origin: "bench", upstreams: {}, httpStatusHosts: [], brokerUrl: null, alertWebhook: null };
  const child = fork(here("full.ts"), [bundle], {
    execArgv: FLAGS,
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    env: {
      PATH: process.env["PATH"],
      PORT: "0",
      HOST: "127.0.0.1",
      GATEWAY_SECRET_A: secret,
      DATABASE_URL: databaseUrl,
      MCPIST_CONFIG: JSON.stringify(config),
    },
  });
  if (!child.stdout) throw new Error("no output");
  const [first] = (await event(child.stdout, "data")) as [Buffer];
  child.stdout.resume();
  return { child, port: (JSON.parse(first.toString().split("\n")[0] ?? "") as { port: number }).port, usage: () => usageOf(child) };
}

/** PGlite behind a socket, in this process. @returns its URL */
export async function startDatabase(users = SEEDED) {
  const pglite = await PGlite.create();
  const database = fromPglite(pglite);
  await migrate(database);
  await database.script(await readSeed());
  if (users > SEEDED) await database.script(moreUsers(users));
  const free = createServer().listen(0, "127.0.0.1");
  await event(free, "listening");
  const { port } = free.address() as AddressInfo;
  free.close();
  await event(free, "close");
  const server = new PGLiteSocketServer({ db: pglite, host: "127.0.0.1", port, maxConnections: 20 });
  await server.start();
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}
