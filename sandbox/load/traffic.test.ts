import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Latency } from "./latency.ts";
import { faultOf, kindOf, mcpRequest } from "./mcp-requests.ts";
import { startTraffic } from "./traffic.ts";

const ok = (id: number) => JSON.stringify({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text: "x" }] } });

test.each<[string, Parameters<typeof faultOf>, string | null]>([
  ["a result", ["call", 1, 200, "application/json", ok(1)], null],
  ["a result in an event stream", ["legacy", 1, 200, "text/event-stream", `event: message\ndata: ${ok(1)}\n\n`], null],
  ["a result of another request", ["call", 2, 200, "application/json", ok(1)], "no JSON-RPC answer"],
  ["a page", ["call", 1, 200, "text/html", "<p>hello</p>"], "no JSON-RPC answer"],
  [
    "a refusal of the gateway",
    ["call", 1, 503, "application/json", '{"id":null,"error":{"code":50301,"data":{"reason":"auth.jwks"}}}'],
    "status 503 auth.jwks",
  ],
  [
    "a word that is not the gateway's",
    ["call", 1, 502, "application/json", '{"error":{"data":{"reason":"s3cret"}}}'],
    "status 502",
  ],
  ["a platform's page", ["call", 1, 502, "text/plain", "error code: 502"], "status 502"],
  ["429", ["call", 1, 429, "application/json", ok(1)], "status 429"],
  [
    "a JSON-RPC error",
    ["call", 1, 200, "application/json", '{"jsonrpc":"2.0","id":1,"error":{"code":-32603}}'],
    "JSON-RPC error -32603",
  ],
  [
    "a failed tool",
    ["call", 1, 200, "application/json", '{"id":1,"result":{"isError":true,"content":[1]}}'],
    "the tool failed",
  ],
  ["an empty list", ["list", 1, 200, "application/json", '{"id":1,"result":{"tools":[]}}'], "an empty tool list"],
])("%s is judged", (_name, args, expected) => {
  expect(faultOf(...args)).toBe(expected);
});

test("modern requests mirror method and name into headers, legacy ones do not", () => {
  const call = mcpRequest("call", 1, "t", "");
  expect(call.headers).toMatchObject({
    "mcp-method": "tools/call",
    "mcp-name": "call",
    "mcp-protocol-version": "2026-07-28",
  });
  const long = mcpRequest("long", 1, "t", "http://127.0.0.1:1/");
  expect([long.headers["mcp-param-module"], JSON.parse(long.body).params.arguments.params]).toEqual([
    "http_status",
    { url: "http://127.0.0.1:1/" },
  ]);
  expect(Object.keys(mcpRequest("legacy", 1, "t", "").headers).filter((name) => name.startsWith("mcp-"))).toEqual([
    "mcp-protocol-version",
  ]);
  expect(new Set(Array.from({ length: 20 }, (_, i) => kindOf(i)))).toEqual(
    new Set(["call", "list", "schema", "legacy", "slow", "long"]),
  );
});

test("percentiles are 2 % exact", () => {
  const latency = new Latency();
  for (let ms = 1; ms <= 1000; ms++) latency.add(ms);
  expect(Math.abs(latency.quantile(0.5) / 500 - 1)).toBeLessThan(0.021);
  expect(Math.abs(latency.quantile(0.99) / 990 - 1)).toBeLessThan(0.021);
  expect(new Latency().quantile(0.5)).toBe(0);
});

let server: Server;
let gatewayUrl: string;
let reply: (n: number) => number;
const seen: { readonly user: string; readonly address: string; readonly at: number }[] = [];

beforeEach(async () => {
  seen.length = 0;
  reply = () => 200;
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    seen.push({
      user: request.headers.authorization ?? "",
      address: request.socket.remoteAddress ?? "",
      at: performance.now(),
    });
    const { id, method } = JSON.parse(Buffer.concat(chunks).toString()) as { id: number; method: string };
    const result = method === "tools/list" ? { tools: [{}] } : { content: [{}] };
    response.writeHead(reply(id), { "content-type": "application/json", "x-mcpist-origin": "koyeb" });
    response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  gatewayUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});
const mint = ({ sub = "" }: { readonly sub?: string }) => Promise.resolve(sub);

test("every user keeps below the burst, also after a stall, and has an address of its own", async () => {
  const traffic = await startTraffic({ gatewayUrl, mint, users: 10, ratePerSecond: 30 });
  await new Promise((resolve) => setTimeout(resolve, 400));
  // Nothing of this process runs for a while: what became due must not come as one burst.
  const until = performance.now() + 900;
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 900));
  const report = await traffic.stop();
  expect(report.failures).toEqual([]);
  expect(report.byOrigin).toEqual({ koyeb: report.sent });
  const times = Map.groupBy(seen, (entry) => entry.user);
  for (const [, entries] of times) {
    expect(new Set(entries.map((entry) => entry.address)).size).toBe(1);
    expect(entries[0]?.address).toMatch(/^127\.0\.1\.\d+$/);
    // Token bucket of the gateway: 5 a second, 5 deep.
    let tokens = 5;
    let last = entries[0]?.at ?? 0;
    for (const { at } of entries) {
      tokens = Math.min(5, tokens + ((at - last) * 5) / 1000) - 1;
      last = at;
      expect(tokens).toBeGreaterThanOrEqual(0);
    }
  }
});

test("a refusal and a lost connection are failures with their reason", async () => {
  reply = (id) => (id === 2 ? 429 : 200);
  const traffic = await startTraffic({ gatewayUrl, mint, users: 10, ratePerSecond: 30 });
  const answered = (status: string): number => traffic.stats().byStatus[status] ?? 0;
  await expect.poll(() => answered("429")).toBeGreaterThan(0);
  server.closeAllConnections();
  server.close();
  // Each user may have one on a connection that was cut; what comes after them finds nobody.
  await expect.poll(() => answered("0")).toBeGreaterThan(10);
  const report = await traffic.stop();
  expect(report.failures.map(({ status, reason }) => [status, reason])).toContainEqual([429, "status 429"]);
  expect(report.failures.map(({ status, reason }) => [status, reason])).toContainEqual([0, "ECONNREFUSED"]);
  expect(report.failed).toBe(report.sent - (report.byStatus["200"] ?? 0));
});

test("a rate that would take users over their limit is refused at once", async () => {
  await expect(startTraffic({ gatewayUrl, mint, users: 10, ratePerSecond: 41 })).rejects.toThrow(
    "at most 40 requests a second",
  );
});

test("natively presented tools are called by their own names, and listed where a schema would be asked for", () => {
  const body = (kind: "call" | "long" | "schema" | "legacy") => {
    const { headers, body: text } = mcpRequest(kind, 1, "t", "http://127.0.0.1:1/", "native");
    const { method, params } = JSON.parse(text) as { method: string; params: { name?: string; arguments?: unknown } };
    return [method, headers["mcp-name"], headers["mcp-param-module"], params.name, params.arguments];
  };
  expect(body("call")).toEqual(["tools/call", "time__now", undefined, "time__now", {}]);
  expect(body("long")).toEqual([
    "tools/call",
    "http_status__check",
    undefined,
    "http_status__check",
    { url: "http://127.0.0.1:1/" },
  ]);
  expect(body("schema")).toEqual(["tools/list", undefined, undefined, undefined, undefined]);
  expect(body("legacy")).toEqual(["tools/call", undefined, undefined, "time__now", {}]);
});
