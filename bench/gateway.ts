/**
 * What the gateway costs, next to proxies that do the same work on the same core in the same run. Interleaved rounds, medians,
 * ratios to HAProxy. Prints a report; asserts nothing. Run on a quiet machine: `npm run bench:gateway [-- --rounds 5 --seconds 2]`.
 */
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { randomBytes, randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import { readFile } from "node:fs/promises";
import type { GatewayConfig } from "../contract/runtime-config.ts";
import { haproxyCommand } from "./gateway/haproxy.ts";
import { load, type Sample } from "./gateway/load.ts";
import { CORES, cpuMicroseconds, freePort, memoryMegabytes, startPeer, stopPeer, type Peer } from "./gateway/peers.ts";
import { requestWith } from "./gateway/request.ts";
import { workerdCommand, type Command } from "./gateway/workerd.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    /** Milliseconds between two measurements; more of them on a machine with other work. */
    pause: { type: "string", default: "50" },
    /** Comma-separated names; absent = all. */
    only: { type: "string" },
    stages: { type: "boolean", default: true },
  },
  allowNegative: true,
});
const ROUNDS = Number(options.rounds);
const MILLISECONDS = Number(options.seconds) * 1000;
/** Few, so that leases are used up before they are void: more users than requests in a second would measure questions to the objects. */
const USERS = 8;
const LEASE = 100;
/** Tokens for the row that sees each token once. */
const COLD_TOKENS = 20_000;
const CONNECTIONS = [1, 16] as const;

const ISSUER = "https://issuer.test/auth/v1";
const RESOURCE = "https://mcp.example.com/mcp";
const BODY = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "call", arguments: { module: "time", tool: "now", params: {} } },
});

const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
const jwk = { ...(await exportJWK(publicKey)), kid: "key-1", alg: "ES256", use: "sig" };
const pem = await exportSPKI(publicKey);
const environment = { GATEWAY_SECRET: randomBytes(32).toString("hex") };

/** The claims that the issuer sends; about 700 bytes as a token. */
async function token(sub: string): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    role: "authenticated",
    aal: "aal1",
    session_id: randomUUID(),
    email: "user@example.com",
    phone: "",
    is_anonymous: false,
    client_id: "client-1",
    nonce: randomUUID(),
  };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", typ: "JWT", kid: "key-1" })
    .setIssuer(ISSUER)
    .setAudience(RESOURCE)
    .setSubject(sub)
    .setIssuedAt(now)
    .setExpirationTime(now + 3600)
    .sign(privateKey);
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, entry)],
    bundle: true,
    format: "esm",
    target: "es2024",
    minify: true,
    external: ["cloudflare:*"],
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}
const gatewayConfig = (originUrl: string, jwksUrl: string, burstLease: number): GatewayConfig => ({
  environment: "bench",
  resource: RESOURCE,
  issuer: ISSUER,
  jwksUrl,
  origins: [
    { name: "koyeb", url: originUrl, state: "pool" },
    { name: "fly", url: originUrl, state: "pool" },
  ],
  allowedOrigins: [],
  // Far above what the load can reach: a benchmark that is refused measures refusals.
  limits: {
    perIpPerMinute: 100_000_000,
    failedAuthPerMinute: 100_000,
    burstPerSecond: 999_999,
    burstDepth: 9_999_999,
    burstLease,
  },
  auth: { maxLifetimeSeconds: 86_400, allowAnonymous: false, requireAal2: false, clientIds: [] },
  sharedDatabase: true,
  showOrigin: false,
  worker: "bench",
  securityContact: null,
});

/** One row of the report. */
interface Row {
  readonly name: string;
  readonly work: string;
  readonly start: (port: number, originPort: number, jwksUrl: string) => Promise<Command>;
  readonly cold?: boolean;
}
const worker = (script: string, lease: number) => async (port: number, originPort: number, jwksUrl: string) =>
  workerdCommand({
    port,
    script: await bundle(script),
    variables: { MCPIST_CONFIG: JSON.stringify(gatewayConfig(`http://127.0.0.1:${originPort}`, jwksUrl, lease)) },
    fromEnvironment: ["GATEWAY_SECRET"],
    gateway: true,
  });
const node = (script: string, ...args: readonly string[]): Command => ({
  file: process.execPath,
  args: [join(import.meta.dirname, "gateway", script), ...args],
  remove: async () => undefined,
});
/** The origin without anything in front: what the others add is measured from here. */
const DIRECT = "direct";
const ROWS: readonly Row[] = [
  {
    name: "haproxy",
    work: "ES256, iss, aud, exp; counters; header strip; backup",
    start: (port, originPort) =>
      haproxyCommand({ port, originPort, publicKey: pem, issuer: ISSUER, audience: RESOURCE }),
  },
  {
    name: "floor",
    work: "workerd, pass-through, no policy at all",
    start: async (port, originPort) =>
      workerdCommand({
        port,
        script: await readFile(join(import.meta.dirname, "gateway/floor.js"), "utf8"),
        variables: { ORIGIN: `http://127.0.0.1:${originPort}` },
        fromEnvironment: [],
        gateway: false,
      }),
  },
  {
    name: "exact",
    work: "the gateway as shipped: token cache, Durable Object on every request",
    start: worker("../worker/index.ts", 1),
  },
  { name: "lease", work: `the same with burst leases of ${LEASE}`, start: worker("../worker/index.ts", LEASE) },
  {
    name: "cold",
    work: "exact, and every token is seen for the first time",
    start: worker("../worker/index.ts", 1),
    cold: true,
  },
  {
    name: "fastify",
    work: "@fastify/jwt (cache on) + @fastify/http-proxy; no limits, no failover",
    start: async (port, originPort) =>
      node(
        "fastify.ts",
        String(port),
        `http://127.0.0.1:${originPort}`,
        Buffer.from(pem).toString("base64"),
        ISSUER,
        RESOURCE,
      ),
  },
];

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const quantile = ({ latencies }: Sample, share: number): number =>
  latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN;
const out = (line = ""): void => void process.stdout.write(`${line}\n`);

/** Numbers of one row at one number of connections, one entry per round. */
interface Numbers {
  readonly p50: number[];
  readonly p99: number[];
  readonly rps: number[];
  readonly cpu: number[];
}

const wanted = options.only?.split(",");
const rows = ROWS.filter(({ name }) => wanted === undefined || name === "haproxy" || wanted.includes(name));
if (CORES) execFileSync("taskset", ["-pc", String(CORES.rest), String(process.pid)], { stdio: "ignore" });
const jwks = createServer((_request, response) =>
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys: [jwk] })),
);
jwks.listen(0, "127.0.0.1");
await once(jwks, "listening");
const jwksUrl = `http://127.0.0.1:${(jwks.address() as AddressInfo).port}/jwks`;
const peers: Peer[] = [];
const commands: Command[] = [];
const interrupted = (): never => {
  for (const { child } of peers) child.kill();
  process.exit(130);
};
process.once("SIGINT", interrupted);

try {
  const originPort = await freePort();
  const origin = await startPeer("origin", originPort, node("origin.ts", String(originPort)), {}, CORES?.rest ?? null);
  peers.push(origin);
  const running = new Map<string, Peer>([[DIRECT, origin]]);
  for (const { name, start } of rows) {
    const port = await freePort();
    const command = await start(port, originPort, jwksUrl);
    commands.push(command);
    const peer = await startPeer(name, port, command, environment, CORES?.proxy ?? null);
    peers.push(peer);
    running.set(name, peer);
  }
  const users = Array.from({ length: USERS }, () => randomUUID());
  const warm = await Promise.all(users.map(async (sub) => requestWith(await token(sub), BODY)));
  const cold = rows.some((row) => row.cold)
    ? await Promise.all(
        Array.from({ length: COLD_TOKENS }, async (_, i) => requestWith(await token(users[i % USERS] ?? ""), BODY)),
      )
    : [];
  let coldAt = 0;
  const coldSlice = (): readonly Buffer[] => {
    const share = Math.floor(cold.length / (ROUNDS * CONNECTIONS.length));
    const slice = cold.slice(coldAt, coldAt + share);
    coldAt += share;
    return slice;
  };
  out(
    `${ROUNDS} interleaved rounds of ${MILLISECONDS / 1000} s; ${CORES ? "proxies on one core, load and origin on another" : "everything on one core"}; ${USERS} users; medians.`,
  );
  out("Every row on its own process; the proxy under test is the only busy one. Warm-up of 1 s each is not counted.");
  out(
    "The Rate Limiting binding counts in the Worker's memory, as on the platform's machines; no KV is bound: its reads happen once a minute.",
  );
  const measured: readonly Pick<Row, "name" | "cold">[] = [...rows, { name: DIRECT }];
  for (const { name } of measured) await load(running.get(name)?.port ?? 0, 16, warm, 1000);

  const numbers = new Map<string, Numbers>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const connections of CONNECTIONS) {
      // Another order each round: whoever comes first after a pause pays for it.
      for (const row of [...measured.slice(round % measured.length), ...measured.slice(0, round % measured.length)]) {
        const peer = running.get(row.name);
        if (!peer) continue;
        // A row of cold tokens ends when they are used up: a second pass would find them cached.
        const requests = row.cold ? coldSlice() : warm;
        const before = await cpuMicroseconds(peer.child);
        const sample = await load(peer.port, connections, requests, MILLISECONDS, row.cold);
        const cpu = (await cpuMicroseconds(peer.child)) - before;
        if (sample.refused > 0)
          throw new Error(`${row.name} refused ${sample.refused} of ${sample.latencies.length} requests`);
        const key = `${row.name}/${connections}`;
        const entry = numbers.get(key) ?? { p50: [], p99: [], rps: [], cpu: [] };
        numbers.set(key, entry);
        entry.p50.push(quantile(sample, 0.5));
        entry.p99.push(quantile(sample, 0.99));
        entry.rps.push(sample.latencies.length / sample.seconds);
        entry.cpu.push(cpu / sample.latencies.length);
        await sleep(Number(options.pause));
      }
    }
  }
  const of = (name: string, connections: number, what: keyof Numbers): number =>
    median(numbers.get(`${name}/${connections}`)?.[what] ?? []);
  const ratio = (name: string, connections: number, what: keyof Numbers): string =>
    (of(name, connections, what) / of("haproxy", connections, what)).toFixed(2);
  out();
  out(
    "Ratios to HAProxy (latency: lower is better; requests/s: higher is better). CPU: microseconds of the proxy's process per request.",
  );
  out(
    "| row | p50, 1 conn | p99, 1 conn | req/s, 1 conn | p50, 16 | p99, 16 | req/s, 16 | CPU/req, 16 | memory MB | work |",
  );
  out("|---|---|---|---|---|---|---|---|---|---|");
  for (const { name, work } of rows) {
    const peer = running.get(name);
    const cells = [1, 16].flatMap((connections) =>
      (["p50", "p99", "rps"] as const).map((what) => ratio(name, connections, what)),
    );
    out(
      `| ${name} | ${cells.join(" | ")} | ${of(name, 16, "cpu").toFixed(0)} | ${peer ? (await memoryMegabytes(peer.child)).toFixed(0) : "?"} | ${work} |`,
    );
  }
  out();
  out("Added to a call without a proxy, microseconds:");
  out("| row | p50, 1 conn | p99, 1 conn | p50, 16 | p99, 16 |");
  out("|---|---|---|---|---|");
  for (const { name } of rows) {
    const cells = CONNECTIONS.flatMap((connections) =>
      (["p50", "p99"] as const).map((what) => (of(name, connections, what) - of(DIRECT, connections, what)).toFixed(0)),
    );
    out(`| ${name} | ${cells.join(" | ")} |`);
  }
  if (numbers.has("floor/16")) {
    const floor = numbers.get("floor/16")?.cpu ?? [];
    const ratios = rows.map(({ name }) => {
      const cpu = numbers.get(`${name}/16`)?.cpu ?? [];
      return `${name} ${median(cpu.map((value, round) => value / (floor[round] ?? Number.NaN))).toFixed(2)}`;
    });
    out();
    out(`Processor time against the floor in the same round, median of the rounds: ${ratios.join(", ")}.`);
  }
  const [p50, p99, rps] = [of("haproxy", 1, "p50"), of("haproxy", 16, "p99"), of("haproxy", 16, "rps")];
  out();
  out(
    `HAProxy itself on this machine: p50 ${p50.toFixed(0)} us at 1 connection, p99 ${p99.toFixed(0)} us and ${rps.toFixed(0)} req/s at 16.`,
  );
  for (const [what, connections] of [
    ["p50", 1],
    ["rps", 16],
  ] as const) {
    const spread = rows.map(({ name }) => {
      const values = numbers.get(`${name}/${connections}`)?.[what] ?? [];
      return `${name} ${((100 * (Math.max(...values) - Math.min(...values))) / median(values)).toFixed(0)} %`;
    });
    out(`Spread of rounds (${what}, ${connections} conn): ${spread.join(", ")}.`);
  }
  if (options.stages) await reportStages(originPort);
} finally {
  await Promise.all(peers.map(stopPeer));
  await Promise.all(commands.map(({ remove }) => remove()));
  jwks.close();
  jwks.closeAllConnections();
}

/** Where the Worker's time goes, one step at a time. */
async function reportStages(originPort: number): Promise<void> {
  const port = await freePort();
  const command = await worker("../worker/test/stages.ts", 1)(port, originPort, jwksUrl);
  commands.push(command);
  const peer = await startPeer("stages", port, command, environment, CORES?.proxy ?? null);
  peers.push(peer);
  const headers = {
    authorization: `Bearer ${await token(randomUUID())}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "call",
    "mcp-param-module": "time",
    "mcp-param-tool": "now",
  };
  const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}/${path}`, { headers });
  const names = (await (await ask("")).json()) as readonly string[];
  const time = async (name: string, times: number): Promise<number> => {
    const start = performance.now();
    const response = await ask(`${encodeURIComponent(name)}?n=${times}`);
    if ((await response.text()) !== "done") throw new Error(`stage ${name} failed with ${response.status}`);
    return ((performance.now() - start) * 1000) / times;
  };
  out();
  out("Steps inside workerd, microseconds each (median of 7 runs of 2000, the empty loop subtracted):");
  const empty = await medianOf(() => time("empty", 2000));
  for (const name of names.slice(1)) {
    await time(name, 2000);
    out(`  ${name.padEnd(20)} ${Math.max(0, (await medianOf(() => time(name, 2000))) - empty).toFixed(1)}`);
  }
}
async function medianOf(measure: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let i = 0; i < 7; i++) values.push(await measure());
  return median(values);
}
