/**
 * Hostile clients beside honest ones, through the real gateway and two real origins behind a platform that refuses what platforms
 * refuse: whatever the ones send, the others get their results.
 */
import { once } from "node:events";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pgliteDatabase, type TestDatabase } from "../origin/test/database.ts";
import { createLab } from "../origin/test/modules.ts";
import { modern, newSecret, newUser, startOrigin, type TestOrigin } from "../origin/test/origin.ts";
import { configOf } from "../worker/test/config.ts";
import { startGateway, startIssuer, type TestGateway, type TestIssuer } from "../worker/test/gateway.ts";
import { claimsAt, signToken } from "../worker/test/tokens.ts";
import { attacks, send, volleys } from "./attacks.ts";
import { outcomeOf } from "./outcome.ts";

/** A platform's edge: a page and no word of the origin for headers that are too large or too many. */
function startEdge(port: number): Promise<Server> {
  const edge = createServer({ maxHeaderSize: 20 * 1024 }, (incoming, outgoing) => {
    if (incoming.rawHeaders.length > 200)
      return void outgoing.writeHead(431, { "content-type": "text/html" }).end("<h1>");
    const on = httpRequest(
      { port, host: "127.0.0.1", method: incoming.method, path: incoming.url, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(outgoing);
      },
    );
    on.on("error", () => outgoing.destroy());
    outgoing.on("close", () => on.destroy());
    incoming.pipe(on);
  });
  edge.on("clientError", (_error, socket) =>
    socket.end(
      "HTTP/1.1 431 Too Large\r\nContent-Type: text/html\r\nContent-Length: 4\r\nConnection: close\r\n\r\n<h1>",
    ),
  );
  // Longer than the gateway keeps an idle connection, as platforms do.
  edge.keepAliveTimeout = 65_000;
  return new Promise((resolve) => edge.listen(0, "127.0.0.1", () => resolve(edge)));
}
const portOf = (server: Server): number => (server.address() as AddressInfo).port;

let database: TestDatabase;
let issuer: TestIssuer;
let origins: readonly TestOrigin[];
let edges: readonly Server[];
let gateway: TestGateway;
const signIn = async (rights: boolean): Promise<string> => {
  const grants = rights ? ([["lab", "read"]] as const) : [];
  const sub = await newUser(database, { grants, plan: "unlimited" });
  return signToken(issuer.key, claimsAt(Math.floor(Date.now() / 1000), { sub }));
};

beforeAll(async () => {
  [database, issuer] = await Promise.all([pgliteDatabase(), startIssuer()]);
  const secret = newSecret();
  const shared = { lab: createLab(), secrets: { GATEWAY_SECRET_A: secret } };
  origins = await Promise.all(["koyeb", "fly"].map((name) => startOrigin(database, { name, ...shared })));
  edges = await Promise.all(origins.map(({ port }) => startEdge(port)));
  const urls = edges.map((edge) => `http://127.0.0.1:${portOf(edge)}`);
  gateway = await startGateway({
    secret,
    perIpPerMinute: 1000,
    failedAuthPerMinute: 60,
    config: configOf(
      [
        { name: "koyeb", url: urls[0] ?? "" },
        { name: "fly", url: urls[1] ?? "" },
      ],
      issuer.url,
    ),
  });
}, 120_000);
afterAll(async () => {
  await gateway.close();
  for (const edge of edges) {
    edge.closeAllConnections();
    edge.close();
  }
  await Promise.all(origins.map((origin) => origin.stop()));
  await Promise.all([issuer.origin.close(), database.close()]);
});

/** One call of an honest user. @returns what the user was told */
async function call(token: string, address: string): Promise<string> {
  const params = { name: "call", arguments: { module: "lab", tool: "read", params: { text: "x".repeat(20_000) } } };
  const response = await fetch(`${gateway.url}/mcp`, {
    method: "POST",
    headers: {
      // workerd closes an idle connection after five seconds, and a pool may meet the closing: that is no answer of the gateway.
      connection: "close",
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "cf-connecting-ip": address,
      authorization: `Bearer ${token}`,
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "call",
      "mcp-param-module": "lab",
      "mcp-param-tool": "read",
    },
    body: JSON.stringify(modern("tools/call", params)),
  }).catch((error: Error) => error);
  if (response instanceof Error) return `no answer: ${String(response.cause)}`;
  const text = await response.text().catch(() => "");
  const outcome = outcomeOf(text);
  return outcome === "ok" ? "ok" : `${response.status} ${text.slice(0, 160)}`;
}

describe("ten hostile accounts and strangers without number", () => {
  it("take less than a hundredth of their calls from honest users, those behind the same address included", async () => {
    const HOSTILE = "203.0.113.66";
    const hostile = await Promise.all(Array.from({ length: 10 }, () => signIn(false)));
    const honest = await Promise.all(
      [HOSTILE, "198.51.100.1", "198.51.100.2", "2001:db8::1", HOSTILE, "198.51.100.3"].map(async (address) => ({
        address,
        token: await signIn(true),
      })),
    );
    const port = Number(new URL(gateway.url).port);
    const open = [];
    const over = new AbortController();
    const told: string[] = [];
    // Honest users ask as fast as the limit lets them go on for ever.
    const asking = honest.map(async ({ token, address }) => {
      while (!over.signal.aborted) {
        const [answer] = await Promise.all([call(token, address), sleep(400)]);
        told.push(answer);
      }
    });
    // One account with one kind after the other, six at a time, which is what it takes to make an origin look dead; then everything once.
    for (const attack of volleys(hostile, HOSTILE)) {
      const volley = Array.from({ length: 6 }, () => send(port, attack));
      if (attack.stalls) open.push(...volley);
      else
        await Promise.race([
          Promise.all(volley.map((socket) => once(socket, "close"))).catch(() => undefined),
          sleep(2000),
        ]);
      told.push(...(await Promise.all(honest.map(({ token, address }) => call(token, address)))));
    }
    for (const attack of attacks(hostile, HOSTILE)) {
      const socket = send(port, attack);
      if (attack.stalls) open.push(socket);
      else await Promise.race([once(socket, "close").catch(() => undefined), sleep(20)]);
    }
    // The address is used up, and the token of somebody behind it is new to the gateway.
    const late = await signIn(true);
    told.push(await call(late, HOSTILE));
    over.abort();
    await Promise.all(asking);
    for (const socket of open) socket.destroy();
    const failed = told.filter((answer) => answer !== "ok");
    expect(told.length).toBeGreaterThan(50);
    expect(failed.slice(0, Math.max(0, failed.length - Math.floor(told.length / 100)))).toEqual([]);
    expect(told.at(-1)).toBeDefined();
  }, 180_000);
});
