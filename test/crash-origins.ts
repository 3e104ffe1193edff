/** Two origins as processes that can be stopped at a point, killed, suspended and started again, behind the real gateway. For tests. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { modern, newSecret } from "../origin/test/origin.ts";
import { quietPorts } from "../origin/test/ports.ts";
import { createContext } from "../sandbox/vendors/context.ts";
import { startDatabase } from "../sandbox/vendors/database/database.ts";
import { configOf } from "../worker/test/config.ts";
import { startGateway, startIssuer, type TestGateway } from "../worker/test/gateway.ts";
import { claimsAt, signToken } from "../worker/test/tokens.ts";
import type { Order, Point, Report } from "./crash-origin.ts";
import { outcomeOf, type Outcome } from "./outcome.ts";

const CHILD = fileURLToPath(new URL("./crash-origin.ts", import.meta.url));
export type Name = "koyeb" | "fly";
export type Tool = "look" | "mark" | "upsert";

/** What a client was told. */
export interface Told {
  readonly id: string;
  readonly what: Outcome;
  /** Which origin answered, where the gateway knew. */
  readonly by: string | null;
}

/** The arrangement. */
export interface Crashes {
  readonly gateway: TestGateway;
  /** Another isolate: breakers closed, the whole budget for retries. */
  renewGateway(): Promise<void>;
  /** A call of a tool; a new user each time asks every point of the way. */
  call(module: "plain" | "streamed", tool: Tool): Promise<Told>;
  request(method: string, params: Record<string, unknown>, headers?: Record<string, string>): Promise<Told>;
  /** Resolves once so many requests have stopped at one of the points, with the point of the last one. */
  stopAt(name: Name, points: Point | readonly Point[], requests: number): Promise<Point>;
  /** Lets the origin go on. */
  go(name: Name): void;
  signal(name: Name, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** Starts a killed origin again on its port. */
  restart(name: Name): Promise<void>;
  /** Rows that the request left, and the state of its claim. */
  effectsOf(id: string): Promise<{ readonly effects: number; readonly claim: string | null }>;
  close(): Promise<void>;
}

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
}

/** Resolves with the last of so many reports that carry the field. */
function reports(child: ChildProcess, field: "port" | "stoppedAt", count: number): Promise<Report> {
  return new Promise((resolve) => {
    let left = count;
    child.on("message", function heard(report: Report) {
      if (!(field in report) || --left > 0) return;
      child.off("message", heard);
      resolve(report);
    });
  });
}

/** Starts everything. */
export async function startCrashes(): Promise<Crashes> {
  const secret = newSecret();
  const [database, issuer] = await Promise.all([startDatabase(createContext({ log: () => undefined })), startIssuer()]);
  const admin = new pg.Pool({ connectionString: database.adminUrl, max: 1 });
  admin.on("error", () => undefined);
  await admin.query("create table effects (request_id uuid not null, origin text not null)");
  for (const module of ["plain", "streamed"])
    for (const tool of ["look", "mark", "upsert"])
      await admin.query("insert into mcpist.tools (module_id, tool_id) values ($1, $2)", [module, tool]);

  const running = new Map<Name, Running>();
  async function start(name: Name, port: number): Promise<void> {
    const child = fork(CHILD, [], {
      env: {
        NAME: name,
        PORT: String(port),
        GATEWAY_SECRET: secret,
        DATABASE_URL: database.url,
        ADMIN_URL: database.adminUrl,
        // It starts a dozen times.
        NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache"),
      },
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const listening = await reports(child, "port", 1);
    running.set(name, { child, port: "port" in listening ? listening.port : 0 });
  }
  // A killed origin comes back on its port, so nobody else may be given it meanwhile.
  const ports = await quietPorts(2);
  await Promise.all([start("koyeb", ports), start("fly", ports + 1)]);
  const of = (name: Name): Running => {
    const found = running.get(name);
    if (!found) throw new Error(`${name} does not run`);
    return found;
  };
  const order = (name: Name, message: Order): void => void of(name).child.send(message);
  const newGateway = (): Promise<TestGateway> =>
    startGateway({
      secret,
      config: configOf(
        (["koyeb", "fly"] as const).map((name) => ({ name, url: `http://127.0.0.1:${of(name).port}` })),
        issuer.url,
        { limits: { perIpPerMinute: 100_000, failedAuthPerMinute: 1000, burstPerSecond: 1000 } },
      ),
    });
  let gateway = await newGateway();

  async function newUser(): Promise<string> {
    const sub = randomUUID();
    await admin.query("insert into mcpist.users (user_id, plan_id) values ($1::uuid, 'unlimited')", [sub]);
    for (const module of ["plain", "streamed"])
      await admin.query("select mcpist.grant_module($1::uuid, $2, 'test')", [sub, module]);
    return sub;
  }
  const request: Crashes["request"] = async (method, params, headers = {}) => {
    const token = await signToken(issuer.key, claimsAt(Math.floor(Date.now() / 1000), { sub: await newUser() }));
    const response = await fetch(`${gateway.url}/mcp`, {
      method: "POST",
      headers: {
        connection: "close",
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        authorization: `Bearer ${token}`,
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": method,
        ...headers,
      },
      body: JSON.stringify(modern(method, params)),
    });
    return {
      id: response.headers.get("x-request-id") ?? "",
      what: outcomeOf(await response.text().catch(() => "")),
      by: response.headers.get("x-mcpist-origin"),
    };
  };
  return {
    get gateway() {
      return gateway;
    },
    async renewGateway() {
      await gateway.close();
      gateway = await newGateway();
    },
    request,
    call: (module, tool) =>
      request(
        "tools/call",
        { name: "call", arguments: { module, tool, params: {} } },
        { "mcp-name": "call", "mcp-param-module": module, "mcp-param-tool": tool },
      ),
    async stopAt(name, points, requests) {
      const stopped = reports(of(name).child, "stoppedAt", requests);
      order(name, { stopAt: typeof points === "string" ? [points] : points, requests });
      const report = await stopped;
      if (!("stoppedAt" in report)) throw new TypeError("a report of where it stopped");
      return report.stoppedAt;
    },
    go: (name) => order(name, { go: true }),
    async signal(name, signal) {
      const { child } = of(name);
      const gone = signal === "SIGKILL" ? once(child, "exit") : null;
      child.kill(signal);
      await gone;
    },
    restart: (name) => start(name, of(name).port),
    async effectsOf(id) {
      const { rows: marks } = await admin.query("select origin from effects where request_id = $1::uuid", [id]);
      const { rows: claims } = await admin.query<{ state: string }>(
        "select state from mcpist.call_claims where request_id = $1::uuid",
        [id],
      );
      return { effects: marks.length, claim: claims[0]?.state ?? null };
    },
    async close() {
      await gateway.close();
      for (const { child } of running.values()) child.kill("SIGKILL");
      await issuer.origin.close();
      await admin.end();
      await database.close();
    },
  };
}
