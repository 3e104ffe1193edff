/**
 * What the origin costs: `node bench/origin.ts [--json] [--rounds N] [--calls N] [--refusals N]`. CPU time and latency per call against a bare server of the same SDK in the same run,
 * memory under load, memory of the limiter, and whether refusals can be told apart by time. Nothing here is asserted; CPU time is the
 * figure to trust on a machine that does other things too.
 */
import { execFileSync, fork, type ChildProcess } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once as event } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { fromPglite } from "../origin/database/embedded.ts";
import { migrate, readSeed } from "../origin/database/migrations.ts";
import { auc, load, median, once, type Make } from "./origin/load.ts";
import { measureStages } from "./origin/stages.ts";
import type { Usage } from "./origin/usage.ts";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    /** Calls per round and server over many connections; a third as many over one. */
    calls: { type: "string", default: "3000" },
    refusals: { type: "string", default: "20000" },
  },
});
const ROUNDS = Number(options.rounds);
const CONCURRENT = Number(options.calls);
const SEQUENTIAL = Math.ceil(CONCURRENT / 3);
const REFUSALS = Number(options.refusals);
/** As in the image, for both servers. */
const FLAGS = ["--max-old-space-size=144", "--max-semi-space-size=4"];
const WARM_UP = 1_000;
const CONNECTIONS = 16;
const USERS = 60;
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

const secret = randomBytes(32).toString("hex");
const userId = (n: number): string => `00000000-0000-4000-8000-${(1 + (n % USERS)).toString(16).padStart(12, "0")}`;
const requestId = (): string => `0193f000-0000-7${randomUUID().slice(15)}`;

/** A modern call of one tool, as the gateway sends it. */
function call(module: string, tool: string): Make {
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
      "x-user-id": userId(n),
      "x-request-id": requestId(),
    },
  });
}

interface Measured {
  readonly child: ChildProcess;
  readonly port: number;
  readonly usage: () => Promise<Usage>;
}
async function usageOf(child: ChildProcess): Promise<Usage> {
  const answer = event(child, "message");
  child.send("usage");
  return (await answer)[0] as Usage;
}
async function startBare(): Promise<Measured> {
  const child = fork(here("origin/bare.ts"), { execArgv: FLAGS, stdio: "ignore" });
  const [{ port }] = (await event(child, "message")) as [{ port: number }];
  return { child, port, usage: () => usageOf(child) };
}
async function startOrigin(bundle: string, databaseUrl: string): Promise<Measured> {
  const config = { environment: "bench", origin: "bench", upstreams: {}, httpStatusHosts: [], brokerUrl: null, alertWebhook: null };
  const child = fork(here("origin/full.ts"), [bundle], {
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

async function startDatabase() {
  const pglite = await PGlite.create();
  const database = fromPglite(pglite);
  await migrate(database);
  await database.script(await readSeed());
  const free = createServer().listen(0, "127.0.0.1");
  await event(free, "listening");
  const { port } = free.address() as AddressInfo;
  free.close();
  await event(free, "close");
  const server = new PGLiteSocketServer({ db: pglite, host: "127.0.0.1", port, maxConnections: 20 });
  await server.start();
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}

/** One side of one round. Units: microseconds of CPU per call, milliseconds, calls per second. */
async function round({ port, usage }: Measured, make: Make) {
  const before = await usage();
  const one = await load(port, 1, SEQUENTIAL, make);
  const many = await load(port, CONNECTIONS, CONCURRENT, make);
  const after = await usage();
  return {
    cpuMicros: (after.cpuMicros - before.cpuMicros) / (SEQUENTIAL + CONCURRENT),
    p50Ms: one.p50Ms,
    rps: many.requests / (many.wallMs / 1000),
    p99Ms: many.p99Ms,
    failed: one.failed + many.failed,
    rss: after.rss,
  };
}
type Round = Awaited<ReturnType<typeof round>>;
const middle = (rounds: readonly Round[]) => ({
  cpuMicros: Math.round(median(rounds.map((one) => one.cpuMicros))),
  p50Ms: Number(median(rounds.map((one) => one.p50Ms)).toFixed(3)),
  rps: Math.round(median(rounds.map((one) => one.rps))),
  p99Ms: Number(median(rounds.map((one) => one.p99Ms)).toFixed(1)),
  failed: rounds.reduce((sum, one) => sum + one.failed, 0),
  rssMb: Math.round(Math.max(...rounds.map((one) => one.rss)) / 2 ** 20),
});

/** Times of refusals, interleaved in random order over one connection. */
async function refusalTimes(port: number) {
  const kinds = {
    hidden: call("github", "comment"),
    decoy: call("time", "set_system_clock"),
    nonexistent: call("time", "no_such_tool_1"),
  } as const;
  const names = Object.keys(kinds) as (keyof typeof kinds)[];
  const times: Record<keyof typeof kinds, number[]> = { hidden: [], decoy: [], nonexistent: [] };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let n = 0; n < REFUSALS; n++) {
    const name = names[randomBytes(1).readUInt8() % names.length] ?? "hidden";
    times[name].push((await once(port, agent, kinds[name](n))).ms);
  }
  agent.destroy();
  return {
    hiddenOrNonexistent: Number(auc(times.hidden, times.nonexistent).toFixed(3)),
    decoyOrNonexistent: Number(auc(times.decoy, times.nonexistent).toFixed(3)),
    decoyOrHidden: Number(auc(times.decoy, times.hidden).toFixed(3)),
  };
}

const folder = mkdtempSync(join(tmpdir(), "mcpist-bench-"));
const bundle = join(folder, "origin.mjs");
execFileSync(process.execPath, [here("../origin/build.ts"), bundle]);
const [bare, full] = [await startBare(), await startOrigin(bundle, await startDatabase())];
const idle = Math.round((await full.usage()).rss / 2 ** 20);
const make = call("time", "now");
for (const { port } of [bare, full]) await load(port, CONNECTIONS, WARM_UP, make);
const rounds = { bare: [] as Round[], full: [] as Round[] };
for (let i = 0; i < ROUNDS; i++) {
  rounds.bare.push(await round(bare, make));
  rounds.full.push(await round(full, make));
}
const sides = { bare: middle(rounds.bare), full: middle(rounds.full) };
const timing = await refusalTimes(full.port);
const limiter = [5, 120].map(
  (calls) =>
    JSON.parse(execFileSync(process.execPath, ["--expose-gc", here("origin/limiter.ts"), String(calls)], { encoding: "utf8" })) as unknown,
);
const rssMb = Math.round((await full.usage()).rss / 2 ** 20);
for (const { child } of [bare, full]) child.kill("SIGTERM");
rmSync(folder, { recursive: true });

const perCore = Math.floor(1e6 / sides.full.cpuMicros);
const result = {
  machine: { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, node: process.version },
  rounds: ROUNDS,
  sides,
  ratio: {
    cpu: Number((sides.full.cpuMicros / sides.bare.cpuMicros).toFixed(3)),
    p50: Number((sides.full.p50Ms / sides.bare.p50Ms).toFixed(3)),
    rps: Number((sides.full.rps / sides.bare.rps).toFixed(3)),
  },
  memory: { idleMb: idle, afterMb: rssMb },
  limiter,
  stages: measureStages(),
  refusals: { calls: REFUSALS, auc: timing },
  capacity: { callsPerSecondPerCore: perCore, usersAt120PerMinutePerCore: Math.floor(perCore / 2) },
};
if (options.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
else {
  const row = (name: string, side: typeof sides.bare): string =>
    `| ${name} | ${side.cpuMicros} | ${side.p50Ms} | ${side.rps} | ${side.p99Ms} | ${side.rssMb} | ${side.failed} |`;
  process.stdout.write(
    `${[
      `${result.machine.cpu}, ${result.machine.cores} cores, Node ${result.machine.node}; ${ROUNDS} interleaved rounds, medians`,
      "",
      "| server | CPU µs/call | p50 ms, 1 conn | calls/s, 16 conn | p99 ms, 16 conn | RSS MB, largest | failed |",
      "|---|---|---|---|---|---|---|",
      row("bare SDK server", sides.bare),
      row("origin", sides.full),
      `| origin / bare | ${result.ratio.cpu} | ${result.ratio.p50} | ${result.ratio.rps} | | | |`,
      "",
      `checks, µs of CPU each: ${JSON.stringify(result.stages)}`,
      `memory of the origin: ${idle} MB idle, ${rssMb} MB after the run`,
      `limiter, 100 000 users: ${JSON.stringify(limiter)}`,
      `refusals, ${REFUSALS} interleaved calls, AUC (0.5 = cannot be told apart): ${JSON.stringify(timing)}`,
      `one core serves ${perCore} calls/s = ${result.capacity.usersAt120PerMinutePerCore} users at 120 calls/min (computed from the CPU time above)`,
    ].join("\n")}\n`,
  );
}
// The database's socket server has no end of its own while a client lingers.
process.exit(0);
