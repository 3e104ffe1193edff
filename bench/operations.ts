/**
 * What single operations of the runtime cost: a Worker that passes requests through, and the same with one operation more, in turns on
 * one core. Pairs, because a machine is never quiet; prints medians and quartiles, asserts nothing. `node bench/operations.ts [rounds]`
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { load } from "./gateway/load.ts";
import { CORES, cpuMicroseconds, freePort, startPeer, stopPeer, type Peer } from "./gateway/peers.ts";
import { requestWith } from "./gateway/request.ts";
import { workerdCommand, type Command } from "./gateway/workerd.ts";

const ROUNDS = Number(process.argv[2] ?? 40);
/** How long one sample takes. Unit: milliseconds. */
const SAMPLE_MS = 80;
const BODY = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"call","arguments":{"module":"time"}}}';
const REQUEST = requestWith("a".repeat(700), BODY);

const USER = "11111111-2222-4333-8444-555555555555";
const PASS =
  "fetch(env.ORIGIN + '/mcp', { method: 'POST', headers: request.headers, body: request.body, redirect: 'manual' })";
const ANSWER = `'x-a': '1', 'x-b': '2', 'x-c': '3', 'x-d': '4', 'x-e': '5', 'x-f': '6', 'x-g': '7', 'x-h': '8', 'x-i': '9', 'x-j': '10'`;
/** Name of an operation, and the body of a handler that does it. */
const OPERATIONS: Readonly<Record<string, string>> = {
  "pass-through": `return ${PASS}`,
  "new URL": `new URL(request.url); return ${PASS}`,
  "headers into a Map, iterated": `new Map(request.headers); return ${PASS}`,
  "headers into a Map, forEach": `const m = new Map(); request.headers.forEach((v, k) => m.set(k, v)); return ${PASS}`,
  "SHA-256 of the token": `await crypto.subtle.digest('SHA-256', new TextEncoder().encode(request.headers.get('authorization'))); return ${PASS}`,
  "body as bytes": `const body = new Uint8Array(await request.arrayBuffer()); return ${PASS.replace("request.body", "body")}`,
  "a timer": `setTimeout(() => {}, 9000); return ${PASS}`,
  "a timer, cleared": `clearTimeout(setTimeout(() => {}, 9000)); return ${PASS}`,
  "an abort signal": `const { signal } = new AbortController(); return ${PASS.replace("redirect", "signal, redirect")}`,
  "own headers to the origin": `return ${PASS.replace("request.headers", `{ 'content-type': 'application/json', ${ANSWER} }`)}`,
  "an answer of one's own": `const r = await ${PASS}; return new Response(r.body, { status: r.status, headers: { 'content-type': 'application/json', ${ANSWER} } })`,
  "object by RPC": `await env.BURST.get(env.BURST.idFromName('${USER}')).take(); return ${PASS}`,
  "object by fetch": `(await env.BURST.get(env.BURST.idFromName('${USER}')).fetch('http://a')).headers.get('v'); return ${PASS}`,
  "object by fetch, known id": `(await env.BURST.get(id ??= env.BURST.idFromName('${USER}')).fetch('http://a')).headers.get('v'); return ${PASS}`,
};
const workerOf = (body: string): string => `
import { DurableObject } from "cloudflare:workers";
const verdict = { admitted: true, granted: 1, startMs: 0, remaining: 29, retryAfterMs: 0 };
export class UserBurst extends DurableObject {
  take() { return verdict; }
  fetch() { return new Response(null, { headers: { v: JSON.stringify(verdict) } }); }
}
let id;
export default { async fetch(request, env) { ${body}; } };`;

interface Row {
  readonly name: string;
  readonly peer: Peer;
  readonly added: number[];
}
const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
const out = (line: string): void => void process.stdout.write(`${line}\n`);

/** Processor time of one request. Unit: microseconds. */
async function sample({ port, child }: Peer, ms = SAMPLE_MS): Promise<number> {
  const before = await cpuMicroseconds(child);
  const { latencies, refused } = await load(port, 16, [REQUEST], ms);
  if (refused > 0) throw new Error(`${refused} requests were refused`);
  return ((await cpuMicroseconds(child)) - before) / latencies.length;
}

if (CORES) execFileSync("taskset", ["-pc", String(CORES.rest), String(process.pid)], { stdio: "ignore" });
const originPort = await freePort();
const file = join(import.meta.dirname, "gateway/origin.ts");
const origin = await startPeer(
  "origin",
  originPort,
  { file: process.execPath, args: [file, String(originPort)] },
  {},
  CORES?.rest ?? null,
);
const commands: Command[] = [];
const rows: Row[] = [];
try {
  for (const [name, body] of Object.entries(OPERATIONS)) {
    const port = await freePort();
    const variables = { ORIGIN: `http://127.0.0.1:${originPort}` };
    const command = await workerdCommand({
      port,
      script: workerOf(body),
      variables,
      fromEnvironment: [],
      gateway: true,
    });
    commands.push(command);
    const peer = await startPeer(name, port, command, {}, CORES?.proxy ?? null);
    rows.push({ name, peer, added: [] });
    await sample(peer, 500);
  }
  const [floor, ...others] = rows;
  if (!floor) throw new Error("nothing to compare with");
  for (let round = 0; round < ROUNDS; round++)
    for (const { peer, added } of others) {
      const before = await sample(floor.peer);
      const more = await sample(peer);
      const after = await sample(floor.peer);
      floor.added.push(before, after);
      added.push(more - (before + after) / 2);
    }
  out("| operation | microseconds of processor time, median | quartiles |");
  out("|---|---|---|");
  for (const { name, added } of rows) {
    const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(added, share).toFixed(0));
    out(`| ${name === floor.name ? name : `+ ${name}`} | ${middle} | ${low} to ${high} |`);
  }
} finally {
  await Promise.all([origin, ...rows.map(({ peer }) => peer)].map(stopPeer));
  await Promise.all(commands.map(({ remove }) => remove()));
}
