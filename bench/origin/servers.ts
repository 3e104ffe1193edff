/** The servers that the benchmarks of the origin measure, their database and the calls that they get. */
import { fork, type ChildProcess } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once as event } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { fromPglite } from "../../origin/database/embedded.ts";
import { readSeed } from "../../origin/database/migrations.ts";
import { migrate } from "../../supabase/migrate/apply.ts";
import type { Make } from "./load.ts";
import type { Usage } from "./usage.ts";

export type { Make } from "./load.ts";

/** As in the image, for every server that is measured. */
export const FLAGS: readonly string[] = ["--max-old-space-size=144", "--max-semi-space-size=4", "--report-exclude-env"];
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
/** What every measured origin is started with. */
export const GATEWAY_SECRET = randomBytes(32).toString("hex");
/** Users of supabase/seed.sql. */
export const SEEDED = 60;
const userId = (n: number): string => `00000000-0000-4000-8000-${(1 + n).toString(16).padStart(12, "0")}`;
const requestId = (): string => `0193f000-0000-7${randomUUID().slice(15)}`;

/** More users of the same kind. */
const moreUsers = (count: number, plan: string): string => `
insert into mcpist.users (user_id, plan_id)
select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '${plan}' from generate_series(${SEEDED + 1}, ${count}) as n;
insert into mcpist.grants (user_id, module_id, tool_id, granted_by)
select u.user_id, 'time', 'now', 'bench' from mcpist.users u on conflict do nothing;`;

/** Who take turns: so many users after the first `skip`. */
export interface Turns {
  readonly users?: number;
  readonly skip?: number;
}

/** A modern call of one tool, as the gateway sends it. */
export const call = (module: string, tool: string, turns: Turns = {}, params: object = {}): Make =>
  metaTool("call", { module, tool, params }, { "mcp-param-module": module, "mcp-param-tool": tool }, turns);

/** A modern question for a module's schema. */
export const schema = (module: string): Make => metaTool("get_module_schema", { module }, {}, {});

/** A modern call of one tool where tools are presented natively. */
export const nativeCall = (name: string): Make => metaTool(name, {}, {}, {});

/** A page of the natively presented tools that begins after `name`. */
export const nativePage = (name: string): Make =>
  modern("tools/list", { cursor: Buffer.from(name).toString("base64url") }, {}, {});

const metaTool = (name: string, args: object, headers: Readonly<Record<string, string>>, turns: Turns): Make =>
  modern("tools/call", { name, arguments: args }, { "mcp-name": name, ...headers }, turns);

function modern(
  method: string,
  params: object,
  headers: Readonly<Record<string, string>>,
  { users = SEEDED, skip = 0 }: Turns,
): Make {
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method,
    params: {
      ...params,
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
      "mcp-method": method,
      ...headers,
      "x-gateway-secret": GATEWAY_SECRET,
      "x-user-id": userId(skip + (n % users)),
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
/** The peer: a bare server of the same SDK. @param lean it parses and converts as seldom as the origin */
export async function startBare(lean: boolean): Promise<Measured> {
  const child = fork(here("bare.ts"), lean ? ["lean"] : [], { execArgv: [...FLAGS], stdio: "ignore" });
  const [{ port }] = (await event(child, "message")) as [{ port: number }];
  return { child, port, usage: () => usageOf(child) };
}
/** What an origin is started with. @param more what its configuration says beside the least */
export const environmentOf = (databaseUrl: string, more: object): NodeJS.ProcessEnv => ({
  PATH: process.env["PATH"],
  PORT: "0",
  HOST: "127.0.0.1",
  GATEWAY_SECRET_A: GATEWAY_SECRET,
  DATABASE_URL: databaseUrl,
  MCPIST_CONFIG: JSON.stringify({
    environment: "bench",
    origin: "bench",
    upstreams: {},
    httpStatusHosts: [],
    brokerUrl: null,
    alertWebhook: null,
    ...more,
  }),
});

/** The port where an origin listens, from its first line. What it prints later is read and dropped. */
export async function portOf(output: Readable): Promise<number> {
  const [first] = (await event(output, "data")) as [Buffer];
  output.resume();
  return (JSON.parse(first.toString().split("\n")[0] ?? "") as { readonly port: number }).port;
}

/** The bundle as in its image. */
export async function startOrigin(
  bundle: string,
  databaseUrl: string,
  presentation: "meta" | "native" = "meta",
): Promise<Measured> {
  const child = fork(here("full.ts"), [bundle], {
    execArgv: [...FLAGS],
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    env: environmentOf(databaseUrl, { presentation }),
  });
  if (!child.stdout) throw new Error("no output");
  return { child, port: await portOf(child.stdout), usage: () => usageOf(child) };
}

/** PGlite behind a socket, in this process. @param plan of the users beyond the seed's @param sql run last, by the owner @returns its URL */
export async function startDatabase({ users = SEEDED, plan = "unlimited", sql = "" } = {}) {
  const pglite = await PGlite.create();
  const database = fromPglite(pglite);
  await migrate(database);
  await database.script(await readSeed());
  if (users > SEEDED) await database.script(moreUsers(users, plan));
  if (sql !== "") await database.script(sql);
  const free = createServer().listen(0, "127.0.0.1");
  await event(free, "listening");
  const { port } = free.address() as AddressInfo;
  free.close();
  await event(free, "close");
  const server = new PGLiteSocketServer({ db: pglite, host: "127.0.0.1", port, maxConnections: 20 });
  await server.start();
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}
