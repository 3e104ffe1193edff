/**
 * What a million calls cost at Cloudflare: the Worker as it is, driven in this process with counting bindings and a clock of its own,
 * so that a day of calls takes a second. Counts are exact; prices are the published ones of the day below. `node bench/price.ts`
 */
import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { build } from "esbuild";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { BurstCounter } from "../worker/burst.ts";
import { answerBurst } from "../worker/burst-call.ts";

/**
 * Of 2026-11-29, after what the paid plan includes. Units: US dollars per million; per million milliseconds for processor time.
 * Sources: developers.cloudflare.com/workers/platform/pricing, /durable-objects/platform/pricing, /kv/platform/pricing.
 */
const PRICES = { requests: 0.3, cpuMs: 0.02, objects: 0.15, kvReads: 0.5, kvWrites: 5 };
/** Of a day on the free plan, same sources: Worker requests, object requests and KV reads each. */
const FREE_PER_DAY = 100_000;
/** Processor time of a call. Unit: milliseconds; measured by bench/gateway.ts, rounded up. */
const CPU_MS = { exact: 0.4, lease: 0.3 };

const CALLS = 20_000;
const ISSUER = "https://issuer.test/auth/v1";
const RESOURCE = "https://mcp.example.com/mcp";
const BODY =
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"call","arguments":{"module":"time","tool":"now","params":{}}}}';

/** How people call. Each turn is `together` calls of one user at one moment; then that user pauses. */
interface Pattern {
  readonly name: string;
  readonly users: number;
  readonly together: number;
  readonly pauseSeconds: number;
  readonly isolates: number;
}
const PATTERNS: readonly Pattern[] = [
  { name: "busy: 50 users, 5 calls every 20 s", users: 50, together: 5, pauseSeconds: 20, isolates: 2 },
  { name: "agents: 50 users, 20 calls every 5 min", users: 50, together: 20, pauseSeconds: 300, isolates: 2 },
  { name: "sparse: 500 users, 1 call every 10 min", users: 500, together: 1, pauseSeconds: 600, isolates: 2 },
];

interface Counts {
  requests: number;
  objects: number;
  kvReads: number;
  kvWrites: number;
}

let now = Date.UTC(2026, 10, 29);
Date.now = () => now;
const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "key-1", alg: "ES256", use: "sig" }] });
const json = { "content-type": "application/json" };
globalThis.fetch = (url) =>
  Promise.resolve(
    new Request(url).url.startsWith(ISSUER)
      ? new Response(keys, { headers: json })
      : new Response('{"jsonrpc":"2.0","id":1,"result":{}}', {
          headers: { ...json, "content-length": "36", "x-mcpist-origin": "koyeb" },
        }),
  );

/** A token of a user, for a day. */
const token = (sub: string): Promise<string> =>
  new SignJWT({ role: "authenticated", aal: "aal1", client_id: "client-1", is_anonymous: false })
    .setProtectedHeader({ alg: "ES256", typ: "JWT", kid: "key-1" })
    .setIssuer(ISSUER)
    .setAudience(RESOURCE)
    .setSubject(sub)
    .setIssuedAt(Math.floor(now / 1000))
    .setExpirationTime(Math.floor(now / 1000) + 86_400)
    .sign(privateKey);

type Isolate = (request: Request, env: object, context: object) => Promise<Response>;

/** Bundles the Worker; a copy of the file under another name is another isolate. */
async function isolates(folder: string, count: number): Promise<readonly Isolate[]> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "../worker/index.ts")],
    bundle: true,
    format: "esm",
    target: "es2024",
    write: false,
    plugins: [
      {
        name: "runtime",
        setup(on) {
          on.onResolve({ filter: /^cloudflare:workers$/ }, ({ path }) => ({ path, namespace: "runtime" }));
          on.onLoad({ filter: /.*/, namespace: "runtime" }, () => ({ contents: "export class DurableObject {}" }));
        },
      },
    ],
  });
  const modules: Isolate[] = [];
  for (let i = 0; i < count; i++) {
    const file = join(folder, `${randomUUID()}.mjs`);
    await writeFile(file, outputFiles[0]?.text ?? "");
    const module = (await import(pathToFileURL(file).href)) as { readonly default: { readonly fetch: Isolate } };
    modules.push(module.default.fetch);
  }
  return modules;
}

async function count(folder: string, pattern: Pattern, burstLease: number): Promise<Counts> {
  const counts: Counts = { requests: 0, objects: 0, kvReads: 0, kvWrites: 0 };
  const stored = new Map<string, string>();
  const counters = new Map<string, BurstCounter>();
  const env = {
    GATEWAY_SECRET: randomBytes(32).toString("hex"),
    MCPIST_CONFIG: JSON.stringify({
      environment: "bench",
      resource: RESOURCE,
      issuer: ISSUER,
      jwksUrl: `${ISSUER}/.well-known/jwks.json`,
      origins: ["koyeb", "fly"].map((name) => ({ name, url: `https://${name}.test`, state: "pool" })),
      allowedOrigins: [],
      limits: { perIpPerMinute: 1_000_000, failedAuthPerMinute: 60, burstPerSecond: 5, burstDepth: 30, burstLease },
      auth: { maxLifetimeSeconds: 86_400, allowAnonymous: false, requireAal2: false, clientIds: [] },
      sharedDatabase: true,
      showOrigin: false,
      worker: "bench",
      securityContact: null,
    }),
    KV: {
      get: (key: string) => {
        counts.kvReads++;
        return Promise.resolve(stored.get(key) ?? null);
      },
      put: (key: string, value: string) => {
        counts.kvWrites++;
        stored.set(key, value);
        return Promise.resolve();
      },
    },
    BURST: {
      idFromName: (name: string) => name,
      get: (name: string) => ({
        fetch: (url: string) => {
          counts.objects++;
          const counter = counters.get(name) ?? new BurstCounter();
          counters.set(name, counter);
          return Promise.resolve(answerBurst(counter, url, now));
        },
      }),
    },
    RL_IP: { limit: () => Promise.resolve({ success: true }) },
    RL_AUTH: { limit: () => Promise.resolve({ success: true }) },
  };
  const workers = await isolates(folder, pattern.isolates);
  const tokens = await Promise.all(Array.from({ length: pattern.users }, () => token(randomUUID())));
  const call = async (bearer: string): Promise<void> => {
    const worker = workers[counts.requests++ % workers.length];
    const request = new Request(RESOURCE, {
      method: "POST",
      headers: {
        ...json,
        authorization: `Bearer ${bearer}`,
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "call",
        "mcp-param-module": "time",
        "mcp-param-tool": "now",
        "cf-connecting-ip": "203.0.113.7",
        "content-length": String(BODY.length),
      },
      body: BODY,
    });
    const behind: Promise<unknown>[] = [];
    const response = await worker?.(request, env, { waitUntil: (work: Promise<unknown>) => behind.push(work) });
    if (response?.status !== 200)
      throw new Error(`the gateway answered ${response?.status}: ${await response?.text()}`);
    await response.text();
    await Promise.all(behind);
  };
  const stepMs = (pattern.pauseSeconds * 1000) / pattern.users;
  for (let turn = 0; counts.requests < CALLS; turn++) {
    const bearer = tokens[turn % tokens.length] ?? "";
    await Promise.all(Array.from({ length: pattern.together }, () => call(bearer)));
    now += stepMs;
  }
  return counts;
}

const folder = await mkdtemp(join(tmpdir(), "mcpist-price-"));
const out = (line: string): void => void process.stdout.write(`${line}\n`);
try {
  out("| calls | leases | objects | KV reads | KV writes | dollars per million calls | calls a day on the free plan |");
  out("|---|---|---|---|---|---|---|");
  for (const pattern of PATTERNS)
    for (const [name, lease] of [
      ["exact", 1],
      ["lease", 10],
    ] as const) {
      const { requests, objects, kvReads, kvWrites } = await count(folder, pattern, lease);
      const per = (what: number): number => what / requests;
      const dollars =
        PRICES.requests +
        CPU_MS[name] * PRICES.cpuMs +
        per(objects) * PRICES.objects +
        per(kvReads) * PRICES.kvReads +
        per(kvWrites) * PRICES.kvWrites;
      const free = FREE_PER_DAY / Math.max(1, per(objects), per(kvReads));
      const cells = [
        pattern.name,
        lease === 1 ? "off" : String(lease),
        per(objects).toFixed(2),
        per(kvReads).toFixed(3),
        per(kvWrites).toFixed(4),
        dollars.toFixed(2),
        Math.floor(free).toLocaleString("en"),
      ];
      out(`| ${cells.join(" | ")} |`);
    }
} finally {
  await rm(folder, { recursive: true, force: true });
}
// Timers of deadlines that no longer matter.
process.exit();
