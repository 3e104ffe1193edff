/** A real origin on loopback for tests: real HTTP, real SDK, real database; only clocks and outgoing calls are the test's. */
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import {
  GATEWAY_SECRET_HEADER,
  MODERN_PROTOCOL_VERSION,
  REQUEST_ID_HEADER,
  USER_ID_HEADER,
} from "../../contract/headers.ts";
import type { Presentation } from "../../contract/presentation.ts";
import type { OriginConfig } from "../../contract/runtime-config.ts";
import { assemble, type Assembled } from "../assemble.ts";
import type { Database } from "../database/database.ts";
import type { Servers } from "../servers/servers.ts";
import { createRegistry } from "../modules/registry.ts";
import { nativeName } from "../sieve/native-names.ts";
import type { TestDatabase } from "./database.ts";
import { createLab, testModules, type Lab } from "./modules.ts";

/** A fresh gateway secret. */
export const newSecret = (): string => randomBytes(32).toString("hex");

/** A UUIDv7. */
export function newRequestId(): string {
  const time = Date.now().toString(16).padStart(12, "0");
  const tail = randomUUID().slice(15);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${tail}`;
}

/** What a test may choose. */
export interface TestOriginOptions {
  /** Servers whose modules are served too; they start with the timers. */
  readonly servers?: Servers;
  readonly name?: string;
  readonly secrets?: {
    readonly GATEWAY_SECRET_A?: string;
    readonly GATEWAY_SECRET_B?: string;
    readonly GATEWAY_SECRET?: string;
  };
  readonly config?: Partial<OriginConfig>;
  readonly now?: () => number;
  readonly fetch?: typeof fetch;
  readonly lab?: Lab;
  readonly brokerSecret?: string;
  /** Stands between the origin and its database. */
  readonly wrap?: (database: Database) => Database;
  /** Runs the timers too. */
  readonly timers?: boolean;
  readonly deadlineMs?: number;
}

/** A running origin. */
export interface TestOrigin {
  readonly url: string;
  readonly port: number;
  readonly secret: string;
  readonly presentation: Presentation;
  readonly assembled: Assembled;
  readonly lab: Lab;
  /** Everything that was written to the log. */
  readonly lines: Record<string, unknown>[];
  readonly events: (name: string) => Record<string, unknown>[];
  stop(graceMs?: number): Promise<void>;
}

/** Starts an origin on an ephemeral loopback port. */
export async function startOrigin(test: TestDatabase, options: TestOriginOptions = {}): Promise<TestOrigin> {
  const secret = options.secrets?.GATEWAY_SECRET_A ?? options.secrets?.GATEWAY_SECRET ?? newSecret();
  const lab = options.lab ?? createLab();
  const lines: Record<string, unknown>[] = [];
  const database = await test.openOrigin();
  const config: OriginConfig = {
    environment: "sandbox",
    origin: options.name ?? "koyeb",
    upstreams: {},
    httpStatusHosts: [],
    brokerUrl: null,
    alertWebhook: null,
    ...options.config,
  };
  const assembled = assemble(
    {
      port: 0,
      host: "127.0.0.1",
      config,
      secrets: options.secrets ?? { GATEWAY_SECRET_A: secret },
      databaseUrl: null,
      requestStateKey: randomBytes(32),
      brokerSecret: options.brokerSecret ?? null,
      drainSeconds: 1,
      ownSecrets: new Map(),
      onFly: false,
      gatewayRanges: null,
      instanceId: "instance-1",
      deployment: "deployment-1",
      marks: {},
    },
    {
      database: options.wrap ? options.wrap(database) : database,
      registry: createRegistry(
        testModules({ fetch: options.fetch ?? fetch, ...config }, lab),
        options.servers?.modules,
      ),
      ...(options.servers ? { servers: options.servers } : {}),
      fetch: options.fetch ?? fetch,
      now: options.now ?? (() => performance.now()),
      wallClock: () => new Date(),
      line: (event) => lines.push({ ...event }),
      ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
    },
  );
  if (!assembled.ok) throw new Error(assembled.error);
  const { origin } = assembled.value;
  origin.server.listen(0, "127.0.0.1");
  await once(origin.server, "listening");
  const { port } = origin.server.address() as AddressInfo;
  if (options.timers) assembled.value.start();
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    secret,
    presentation: config.presentation ?? "meta",
    assembled: assembled.value,
    lab,
    lines,
    events: (name) => lines.filter((line) => line["event"] === name),
    stop: (graceMs = 200) => assembled.value.stop(graceMs),
  };
}

/** One request to /mcp as the gateway would send it. */
export interface Post {
  readonly userId: string;
  readonly requestId?: string;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Sends it. A text as `body` goes out as it is. */
export function post(
  origin: Pick<TestOrigin, "url" | "secret">,
  { userId, requestId = newRequestId(), body, headers, signal }: Post,
): Promise<Response> {
  return fetch(`${origin.url}/mcp`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      [GATEWAY_SECRET_HEADER]: origin.secret,
      [USER_ID_HEADER]: userId,
      [REQUEST_ID_HEADER]: requestId,
      ...headers,
    },
    body: typeof body === "string" || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
}

/** Body of a request of the current protocol version. */
export const modern = (method: string, params: Readonly<Record<string, unknown>>, id: number | string = 1) => ({
  jsonrpc: "2.0",
  id,
  method,
  params: {
    ...params,
    _meta: {
      "io.modelcontextprotocol/protocolVersion": MODERN_PROTOCOL_VERSION,
      "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
      "io.modelcontextprotocol/clientCapabilities": {},
    },
  },
});

/** Encodes a header value as the specification asks for names outside printable ASCII. */
const headerText = (value: string): string =>
  /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !value.startsWith("=?base64?")
    ? value
    : `=?base64?${Buffer.from(value).toString("base64")}?=`;

/** A modern `tools/call` of one tool, as the origin presents tools. */
export function callTool(
  origin: Pick<TestOrigin, "url" | "secret"> & { readonly presentation?: Presentation },
  userId: string,
  module: string,
  tool: string,
  params: Readonly<Record<string, unknown>> = {},
  options: { readonly requestId?: string; readonly id?: number | string; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  const known = /^[A-Za-z0-9_.-]{1,64}$/.test(tool) ? nativeName(module, tool) : null;
  const native = origin.presentation === "native" ? (known ?? `${module}__${tool}`) : null;
  const meta = { "mcp-param-module": headerText(module), "mcp-param-tool": headerText(tool) };
  return post(origin, {
    userId,
    ...(options.requestId === undefined ? {} : { requestId: options.requestId }),
    ...(options.signal ? { signal: options.signal } : {}),
    body: modern(
      "tools/call",
      native === null ? { name: "call", arguments: { module, tool, params } } : { name: native, arguments: params },
      options.id,
    ),
    headers: {
      "mcp-protocol-version": MODERN_PROTOCOL_VERSION,
      "mcp-method": "tools/call",
      "mcp-name": native === null ? "call" : headerText(native),
      ...(native === null ? meta : {}),
    },
  });
}

/** A modern `tools/call` of `get_module_schema`. */
export function getSchema(
  origin: Pick<TestOrigin, "url" | "secret">,
  userId: string,
  module?: string,
): Promise<Response> {
  return post(origin, {
    userId,
    body: modern("tools/call", { name: "get_module_schema", arguments: module === undefined ? {} : { module } }),
    headers: {
      "mcp-protocol-version": MODERN_PROTOCOL_VERSION,
      "mcp-method": "tools/call",
      "mcp-name": "get_module_schema",
    },
  });
}

/** The tool result inside an answer, JSON or SSE. */
export async function resultOf(response: Response): Promise<{
  readonly isError?: boolean;
  readonly content: readonly { readonly text: string }[];
  readonly structuredContent?: Record<string, unknown>;
}> {
  const text = await response.text();
  const json = text.startsWith("event:") || text.startsWith(":") ? (/^data: (.*)$/m.exec(text)?.[1] ?? "") : text;
  const message = JSON.parse(json) as { result?: never; error?: unknown };
  if (message.result === undefined) throw new Error(`no result: ${response.status} ${text}`);
  return message.result;
}

/** A new user with a plan and grants, written by the owner of the database. */
export async function newUser(
  test: Pick<TestDatabase, "admin">,
  options: {
    readonly plan?: string;
    readonly grants?: readonly (readonly [string, string])[];
    readonly status?: string;
  } = {},
): Promise<string> {
  const userId = randomUUID();
  const { plan = "unlimited", grants = [], status = "active" } = options;
  await test.admin.query("insert into mcpist.users (user_id, plan_id, status) values ($1::uuid, $2, $3)", [
    userId,
    plan,
    status,
  ]);
  for (const [module, tool] of grants)
    await test.admin.query("select mcpist.grant_tool($1::uuid, $2, $3, 'test')", [userId, module, tool]);
  return userId;
}
