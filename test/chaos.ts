/** The real gateway in workerd, two real origins with one database, and wires between them that break in every way. For tests. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { READY_PATH } from "../contract/headers.ts";
import { pgliteDatabase, type TestDatabase } from "../origin/test/database.ts";
import { createLab } from "../origin/test/modules.ts";
import { modern, newSecret, newUser, startOrigin } from "../origin/test/origin.ts";
import { configOf } from "../worker/test/config.ts";
import { startGateway, startIssuer, type TestGateway } from "../worker/test/gateway.ts";
import { claimsAt, signToken } from "../worker/test/tokens.ts";
import { outcomeOf, type Outcome } from "./outcome.ts";

/** What becomes of a connection. `reply` of the origin: in full, never, or its first bytes only. */
export type Fault =
  | "none"
  | "closed"
  | "reset before the request"
  | "reset after the request"
  | "reply lost"
  | "reply cut";
export const FAULTS: readonly Fault[] = [
  "closed",
  "reset before the request",
  "reset after the request",
  "reply lost",
  "reply cut",
];

/** A wire to an origin. */
export interface Wire {
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
    client.once("data", (first: Buffer) => {
      // The gateway's own probe finds the origin as it is: what is tested is one request that meets a fault, not an outage.
      const probe = first.includes(`GET ${READY_PATH} `);
      const met = probe ? "none" : fault;
      if (met === "closed") return client.destroy();
      if (met === "reset before the request" || met === "reset after the request") return client.resetAndDestroy();
      const origin = connect(port, "127.0.0.1");
      origin.on("error", () => client.destroy());
      client.on("close", () => origin.destroy());
      origin.write(first);
      client.pipe(origin);
      // No request may follow on a connection that escaped the fault.
      if (probe && fault !== "none") return origin.once("data", (chunk: Buffer) => client.end(chunk));
      if (met === "reply lost") return origin.once("data", () => client.resetAndDestroy());
      if (met === "reply cut")
        return origin.once("data", (chunk: Buffer) =>
          client.write(chunk.subarray(0, -5), () => client.resetAndDestroy()),
        );
      return origin.pipe(client);
    });
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

/** What a client was told. */
export interface Told {
  readonly id: string;
  readonly status: number;
  readonly what: Outcome;
}

/** The whole arrangement. */
export interface Chaos {
  readonly database: TestDatabase;
  readonly gateway: TestGateway;
  readonly wires: readonly [Wire, Wire];
  /** One request of a user who may call the lab's tools. */
  readonly send: (
    method: string,
    params: Record<string, unknown>,
    headers: Record<string, string>,
    legacy?: boolean,
  ) => Promise<Told>;
  /** From now on somebody else asks, whose requests have not failed anywhere yet. */
  readonly nextUser: () => Promise<void>;
  /** How often the tool ran for a request. */
  readonly effectsOf: (requestId: string) => number;
  close(): Promise<void>;
}

/** Starts everything. */
export async function startChaos(): Promise<Chaos> {
  const secret = newSecret();
  const lab = createLab();
  const [database, issuer] = await Promise.all([pgliteDatabase(), startIssuer()]);
  const secrets = { GATEWAY_SECRET_A: secret };
  const origins = await Promise.all([
    startOrigin(database, { name: "koyeb", lab, secrets }),
    startOrigin(database, { name: "fly", lab, secrets }),
  ]);
  const wires = await Promise.all([startWire(origins[0].port), startWire(origins[1].port)]);
  const limits = { perIpPerMinute: 100_000, failedAuthPerMinute: 1000, burstPerSecond: 1000 };
  const gateway = await startGateway({
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
  const signIn = async (): Promise<string> => {
    const sub = await newUser(database, { grants: tools, plan: "unlimited" });
    return signToken(issuer.key, claimsAt(Math.floor(Date.now() / 1000), { sub }));
  };
  let token = await signIn();
  const send: Chaos["send"] = async (method, params, headers, legacy = false) => {
    const body = legacy ? { jsonrpc: "2.0", id: 1, method, params } : modern(method, params);
    const response = await fetch(`${gateway.url}/mcp`, {
      method: "POST",
      headers: {
        connection: "close",
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "accept-encoding": "identity",
        authorization: `Bearer ${token}`,
        ...(legacy
          ? { "mcp-protocol-version": "2025-11-25" }
          : { "mcp-protocol-version": "2026-07-28", "mcp-method": method, ...headers }),
      },
      body: JSON.stringify(body),
    }).catch(() => null);
    if (!response) return { id: "", status: 0, what: "broken" };
    const what = outcomeOf(await response.text().catch(() => ""));
    return { id: response.headers.get("x-request-id") ?? "", status: response.status, what };
  };
  return {
    database,
    gateway,
    wires,
    send,
    async nextUser() {
      token = await signIn();
    },
    effectsOf: (id) => lab.effects.filter((mark) => mark === id).length,
    async close() {
      await gateway.close();
      await Promise.all([
        ...wires.map((wire) => wire.close()),
        ...origins.map((origin) => origin.stop()),
        issuer.origin.close(),
      ]);
      await database.close();
    },
  };
}

export const CALL = (tool: string): Record<string, unknown> => ({
  name: "call",
  arguments: { module: "lab", tool, params: {} },
});
/** Every kind of request, and whether it may be repeated freely. */
export const REQUESTS: readonly (readonly [
  string,
  "safe" | "claimed",
  string,
  Record<string, unknown>,
  Record<string, string>,
])[] = [
  ["a discovery", "safe", "server/discover", {}, {}],
  ["a list of tools", "safe", "tools/list", {}, {}],
  ["a schema", "safe", "tools/call", { name: "get_module_schema", arguments: {} }, { "mcp-name": "get_module_schema" }],
  [
    "a call that reads",
    "claimed",
    "tools/call",
    CALL("read"),
    { "mcp-name": "call", "mcp-param-module": "lab", "mcp-param-tool": "read" },
  ],
  [
    "a call with effects",
    "claimed",
    "tools/call",
    CALL("effect"),
    { "mcp-name": "call", "mcp-param-module": "lab", "mcp-param-tool": "effect" },
  ],
];
