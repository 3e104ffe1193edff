/** A closed-loop client on raw keep-alive sockets: as light as possible, because it shares the machine with what it measures. */
import { Agent, request } from "node:http";

/** What one run came to. Units: milliseconds. */
export interface Run {
  readonly requests: number;
  readonly failed: number;
  readonly wallMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** One request: headers per call and the body. */
export type Make = (n: number) => { readonly headers: Readonly<Record<string, string>>; readonly body: string };

/** Latency of one call, and whether it was answered with 200. */
export function once(
  port: number,
  agent: Agent,
  { headers, body }: ReturnType<Make>,
): Promise<{ readonly ms: number; readonly ok: boolean }> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const sent = request(
      {
        port,
        host: "127.0.0.1",
        path: "/mcp",
        method: "POST",
        agent,
        headers: { ...headers, "content-length": Buffer.byteLength(body) },
      },
      (response) => {
        response.resume();
        response.on("end", () => resolve({ ms: performance.now() - started, ok: response.statusCode === 200 }));
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** `requests` calls over `connections` connections, each sending its next one when it has its answer. */
export async function load(port: number, connections: number, requests: number, make: Make): Promise<Run> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const times: number[] = [];
  let failed = 0;
  let next = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (next < requests) {
        const { ms, ok } = await once(port, agent, make(next++));
        times.push(ms);
        if (!ok) failed++;
      }
    }),
  );
  const wallMs = performance.now() - started;
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { requests, failed, wallMs, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** The middle one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Probability that a value of `a` is larger than one of `b` (ties half): 0.5 = the two cannot be told apart. */
export function auc(a: readonly number[], b: readonly number[]): number {
  const all = [...a.map((value) => ({ value, of: 1 })), ...b.map((value) => ({ value, of: 0 }))].toSorted(
    (x, y) => x.value - y.value,
  );
  let ranks = 0;
  for (let i = 0; i < all.length;) {
    let end = i;
    while (end < all.length && all[end]?.value === all[i]?.value) end++;
    const rank = (i + 1 + end) / 2;
    for (let k = i; k < end; k++) ranks += all[k]?.of === 1 ? rank : 0;
    i = end;
  }
  return (ranks - (a.length * (a.length + 1)) / 2) / (a.length * b.length);
}
