/**
 * What a server of one's own costs behind an origin: `node bench/servers.ts [--calls N] [--rounds N]`. Time of a call through the module against
 * the same MCP client that talks to the same server directly, over standard streams and over HTTP, in one interleaved run; start, list and
 * memory of 20 servers with 500 tools; memory of the image's process with one small child. Prints JSON; asserts nothing.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { ServerSettings } from "../contract/servers.ts";
import { ChildTransport } from "../origin/servers/child-transport.ts";
import { connect, type Connection } from "../origin/servers/connection.ts";
import { environmentOf, FLAGS } from "./origin/servers.ts";
import { answer } from "./servers/many.ts";
import { httpTransport } from "../origin/servers/http-transport.ts";
import { createServers, type Servers } from "../origin/servers/servers.ts";

const { values } = parseArgs({
  options: { calls: { type: "string", default: "1000" }, rounds: { type: "string", default: "5" } },
});
const [CALLS, ROUNDS] = [Number(values.calls), Number(values.rounds)];
const MANY = fileURLToPath(new URL("servers/many.ts", import.meta.url));
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
/** Resident memory of a process. Unit: MiB. */
const rssOf = (pid: number | "self"): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

const serversOf = (settings: Readonly<Record<string, ServerSettings>>): Servers => {
  const servers = createServers(settings, {
    secrets: new Map(),
    separator: null,
    path: process.env["PATH"] ?? "",
    version: "0",
    fetch,
    random: () => 0.5,
    now: () => performance.now(),
  });
  if (!servers.ok) throw new Error(servers.error);
  return servers.value;
};
const silent = { onListing: () => {}, onState: () => {}, onStderr: () => {} };
const signal = new AbortController().signal;

const direct = (connection: Connection) => () =>
  connection.call({ name: "tool_0", params: { text: "hello" }, meta: {}, signal, timeoutMs: 60_000, onProgress: null });

/** The module's own call, as an admitted one is run. */
function through(servers: Servers): () => Promise<unknown> {
  const tool = servers.modules[0]?.tools.get("tool_0");
  if (!tool) throw new Error("the server lists no tool");
  const context = {
    signal,
    now: () => new Date(),
    requestId: "00000000-0000-7000-8000-000000000001",
    userId: "00000000-0000-4000-8000-000000000001",
    traceparent: null,
    token: () => Promise.reject(new Error("no account")),
    progress: null,
  };
  return async () => {
    const checked = tool.check({ text: "hello" });
    if (!checked.ok) throw new Error(checked.error.join());
    return tool.run(checked.value, context);
  };
}

async function round(call: () => Promise<unknown>): Promise<{ p50: number; p99: number }> {
  const times: number[] = [];
  for (let i = 0; i < CALLS; i++) {
    const from = performance.now();
    await call();
    times.push(performance.now() - from);
  }
  const sorted = times.toSorted((a, b) => a - b);
  return { p50: median(sorted), p99: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN };
}

async function compare(direct: () => Promise<unknown>, module: () => Promise<unknown>) {
  await round(direct);
  await round(module);
  const rounds = { direct: [] as { p50: number; p99: number }[], module: [] as { p50: number; p99: number }[] };
  for (let i = 0; i < ROUNDS; i++) {
    rounds.direct.push(await round(direct));
    rounds.module.push(await round(module));
  }
  const p50 = (side: keyof typeof rounds) => median(rounds[side].map((one) => one.p50));
  const p99 = (side: keyof typeof rounds) => median(rounds[side].map((one) => one.p99));
  return {
    directP50Ms: Number(p50("direct").toFixed(3)),
    moduleP50Ms: Number(p50("module").toFixed(3)),
    ratio: Number((p50("module") / p50("direct")).toFixed(2)),
    addedMs: Number((p50("module") - p50("direct")).toFixed(3)),
    directP99Ms: Number(p99("direct").toFixed(2)),
    moduleP99Ms: Number(p99("module").toFixed(2)),
  };
}

async function overStreams() {
  const command = [process.execPath, MANY, "1"];
  const folder = mkdtempSync(join(tmpdir(), "mcpist-bench-"));
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder };
  const connection = await connect({
    transport: () => new ChildTransport({ words: command, env, cwd: folder, onStderr: () => {} }),
    version: "0",
    onListChanged: () => {},
  });
  const servers = serversOf({ tiny: { command, trusted: true } });
  servers.start(silent);
  await servers.settled();
  const result = await compare(direct(connection), through(servers));
  await Promise.all([servers.stop(), connection.close()]);
  rmSync(folder, { recursive: true });
  return result;
}

async function overHttp() {
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const reply = incoming.method === "POST" ? answer(Buffer.concat(chunks).toString("utf8"), 1) : undefined;
      if (incoming.method !== "POST") outgoing.writeHead(405).end();
      else if (reply === null) outgoing.writeHead(202).end();
      else outgoing.writeHead(200, { "content-type": "application/json" }).end(reply);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const connection = await connect({
    transport: () => httpTransport(url, null, fetch, () => {}),
    version: "0",
    onListChanged: () => {},
  });
  const servers = serversOf({ tiny: { url } });
  servers.start(silent);
  await servers.settled();
  const result = await compare(direct(connection), through(servers));
  await Promise.all([servers.stop(), connection.close()]);
  server.closeAllConnections();
  server.close();
  return result;
}

async function manyTools() {
  globalThis.gc?.();
  const before = rssOf("self");
  const settings = Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [`server-${i}`, { command: [process.execPath, MANY, "500"], trusted: true }]),
  );
  const servers = serversOf(settings);
  const from = performance.now();
  servers.start(silent);
  await servers.settled();
  const startMs = performance.now() - from;
  const tools = servers.modules.reduce((sum, { tools: own }) => sum + own.size, 0);
  globalThis.gc?.();
  const memoryMb = rssOf("self") - before;
  const listFrom = performance.now();
  const bytes = servers.modules
    .flatMap((module) => [...module.tools.values()].map((tool) => JSON.stringify(tool.inputSchema()).length))
    .reduce((sum, length) => sum + length, 0);
  const listMs = performance.now() - listFrom;
  await servers.stop();
  const round = (value: number) => Number(value.toFixed(1));
  return { servers: 20, tools, startMs: round(startMs), listMs: round(listMs), bytes, originMemoryMb: round(memoryMb) };
}

/** The image's flags, the bundled origin, one child. */
async function small() {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-bench-"));
  const bundle = join(folder, "origin.mjs");
  const built = spawn(process.execPath, [fileURLToPath(new URL("../origin/build.ts", import.meta.url)), bundle]);
  await once(built, "exit");
  const start = async (more: object) => {
    const child = spawn(process.execPath, [...FLAGS, bundle], {
      env: environmentOf("postgres://nobody@127.0.0.1:1/x", more),
      stdio: ["ignore", "pipe", "ignore"],
    });
    const wanted = "servers" in more ? '"state":"up"' : '"listening"';
    let text = "";
    for await (const chunk of child.stdout) if ((text += String(chunk)).includes(wanted)) break;
    const memory = Math.round(rssOf(child.pid ?? 0));
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    return memory;
  };
  const without = await start({});
  const withOne = await start({ servers: { tiny: { command: [process.execPath, MANY, "10"], trusted: true } } });
  rmSync(folder, { recursive: true });
  return { originMb: without, originWithServerMb: withOne };
}

const result = {
  machine: { cpus: cpus().length, model: cpus()[0]?.model, node: process.version },
  calls: CALLS,
  rounds: ROUNDS,
  streams: await overStreams(),
  http: await overHttp(),
  many: await manyTools(),
  small: await small(),
};
process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
process.exit(0);
