/**
 * The real gateway in workerd, two real origins with one database, and a wire between them that breaks in every way: whatever the
 * client is told, no tool ever runs twice for one request, and "it worked" is only said when it ran.
 */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { pgliteDatabase, type TestDatabase } from "../origin/testing/database.ts";
import { createLab } from "../origin/testing/modules.ts";
import { modern, newSecret, newUser, startOrigin, type TestOrigin } from "../origin/testing/origin.ts";
import { configOf } from "../worker/test/config.ts";
import { startGateway, startIssuer, type TestGateway, type TestIssuer } from "../worker/test/gateway.ts";
import { claimsAt, signToken } from "../worker/test/tokens.ts";

/** What becomes of a connection. `reply` of the origin: in full, never, or its first bytes only. */
type Fault = "none" | "closed" | "reset before the request" | "reset after the request" | "reply lost" | "reply cut";
const FAULTS: readonly Fault[] = ["closed", "reset before the request", "reset after the request", "reply lost", "reply cut"];

/** A wire to an origin. */
interface Wire {
  readonly url: string;
  /** Connections that are open are closed, so that the next request meets the fault and not an old connection. */
  become(fault: Fault): void;
  close(): Promise<void>;
}

async function startWire(port: number): Promise<Wire> {
  const sockets = new Set<Socket>();
  let fault: Fault = "none";
  const server = createServer((client) => {
    sockets.add(client);
    client.on("error", () => undefined);
    client.on("close", () => sockets.delete(client));
    if (fault === "closed") return client.destroy();
    if (fault === "reset before the request") return client.resetAndDestroy();
    if (fault === "reset after the request") return client.once("data", () => client.resetAndDestroy());
    const origin = connect(port, "127.0.0.1");
    origin.on("error", () => client.destroy());
    client.on("close", () => origin.destroy());
    client.pipe(origin);
    if (fault === "reply lost") return origin.once("data", () => client.resetAndDestroy());
    if (fault === "reply cut")
      return origin.once("data", (chunk: Buffer) => client.write(chunk.subarray(0, -5), () => client.resetAndDestroy()));
    return origin.pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const hangUp = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    become(next) {
      fault = next;
      hangUp();
    },
    async close() {
      hangUp();
      server.close();
      await once(server, "close");
    },
  };
}

const lab = createLab();
let database: TestDatabase;
let origins: readonly [TestOrigin, TestOrigin];
let wires: readonly [Wire, Wire];
let issuer: TestIssuer;
let gateway: TestGateway;
let token: string;

beforeAll(async () => {
  const secret = newSecret();
  [database, issuer] = await Promise.all([pgliteDatabase(), startIssuer()]);
  const secrets = { GATEWAY_SECRET_A: secret };
  origins = await Promise.all([
    startOrigin(database, { name: "koyeb", lab, secrets }),
    startOrigin(database, { name: "fly", lab, secrets }),
  ]);
  wires = await Promise.all([startWire(origins[0].port), startWire(origins[1].port)]);
  const limits = { perIpPerMinute: 100_000, failedAuthPerMinute: 1000, burstPerSecond: 1000 };
  gateway = await startGateway({
    secret,
    config: configOf(
      [
        { name: "koyeb", url: wires[0].url },
        { name: "fly", url: wires[1].url },
      ],
      issuer.url,
      { limits },
    ),
  });
  const tools = ["read", "effect"].map((tool) => ["lab", tool] as const);
  const sub = await newUser(database, { grants: tools, plan: "unlimited" });
  token = await signToken(issuer.key, claimsAt(Math.floor(Date.now() / 1000), { sub }));
});
beforeEach(() => {
  for (const wire of wires) wire.become("none");
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([...wires.map((wire) => wire.close()), ...origins.map((origin) => origin.stop()), issuer.origin.close()]);
  await database.close();
});

/** One request of so many meets the fault: the others keep breaker and retry budget away. */
const ROUNDS = 6;

/** Every kind of request, and whether it may be repeated freely. */
const CALL = (tool: string): Record<string, unknown> => ({ name: "call", arguments: { module: "lab", tool, params: {} } });
const REQUESTS: readonly (readonly [string, "safe" | "claimed", string, Record<string, unknown>, Record<string, string>])[] = [
  ["a discovery", "safe", "server/discover", {}, {}],
  ["a list of tools", "safe", "tools/list", {}, {}],
  ["a schema", "safe", "tools/call", { name: "get_module_schema", arguments: {} }, { "mcp-name": "get_module_schema" }],
  ["a call that reads", "claimed", "tools/call", CALL("read"), { "mcp-name": "call", "mcp-param-module": "lab", "mcp-param-tool": "read" }],
  [
    "a call with effects",
    "claimed",
    "tools/call",
    CALL("effect"),
    { "mcp-name": "call", "mcp-param-module": "lab", "mcp-param-tool": "effect" },
  ],
];

interface Told {
  readonly id: string;
  readonly status: number;
  /** ok, unknown, refused, or broken: an answer that is not whole. */
  readonly what: "ok" | "unknown" | "refused" | "broken";
}

async function send(method: string, params: Record<string, unknown>, headers: Record<string, string>, legacy = false): Promise<Told> {
  const body = legacy ? { jsonrpc: "2.0", id: 1, method, params } : modern(method, params);
  const response = await fetch(`${gateway.url}/mcp`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "accept-encoding": "identity",
      authorization: `Bearer ${token}`,
      ...(legacy ? { "mcp-protocol-version": "2025-11-25" } : { "mcp-protocol-version": "2026-07-28", "mcp-method": method, ...headers }),
    },
    body: JSON.stringify(body),
  }).catch(() => null);
  if (!response) return { id: "", status: 0, what: "broken" };
  const id = response.headers.get("x-request-id") ?? "";
  const text = await response.text().catch(() => "");
  const json = /^data: (.*)$/m.exec(text)?.[1] ?? text;
  try {
    const message = JSON.parse(json) as { result?: { isError?: boolean }; error?: { code: number } };
    if (message.error?.code === 50203) return { id, status: response.status, what: "unknown" };
    return { id, status: response.status, what: message.result && message.result.isError !== true ? "ok" : "refused" };
  } catch {
    return { id, status: response.status, what: "broken" };
  }
}
const effectsOf = (id: string): number => lab.effects.filter((mark) => mark === id).length;

describe("failover between real origins", () => {
  const legacy = REQUESTS.filter(([name]) => ["a discovery", "a list of tools", "a call with effects"].includes(name));
  const cases = FAULTS.flatMap((fault) => [
    ...REQUESTS.map((request) => [fault, "modern", ...request] as const),
    ...legacy.map((request) => [fault, "legacy", ...request] as const),
  ]);
  it.each(cases)("%s, %s: %s", async (fault, era, _, callClass, method, params, headers) => {
    // Older revisions have no discovery.
    const [name, rest] = era === "legacy" && method === "server/discover" ? ["ping", {}] : [method, params];
    const hasEffects = headers["mcp-param-tool"] === "effect";
    const ids: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      if (round === 0) wires[0].become(fault);
      const told = await send(name, rest, headers, era === "legacy");
      if (round === 0) wires[0].become("none");
      ids.push(told.id);
      expect(effectsOf(told.id)).toBeLessThanOrEqual(1);
      if (told.what === "ok" && hasEffects) expect(effectsOf(told.id)).toBe(1);
      if (round > 0) expect(told).toMatchObject({ status: 200, what: "ok" });
      else if (fault === "reply cut") expect(["broken", "ok", "unknown"]).toContain(told.what);
      // A request that may be repeated always gets its answer; a claimed one gets it or an honest "unknown".
      else expect(callClass === "safe" ? ["ok"] : ["ok", "unknown"]).toContain(told.what);
    }
    // The fault really happened, and was reported under the request that met it.
    if (fault !== "reply cut")
      await expect
        .poll(() => gateway.events.find(({ requestId }) => requestId === ids[0]))
        .toMatchObject({ event: "origin_failed", origin: "koyeb" });
    if (!hasEffects) return;
    const claims = await database.admin.query<{ id: string }>("select request_id::text as id from mcpist.call_claims");
    const claimed = claims.map(({ id }) => id).filter((id) => ids.includes(id));
    expect(claimed.toSorted()).toEqual(ids.filter((id) => effectsOf(id) > 0).toSorted());
  });
});
