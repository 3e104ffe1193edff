/**
 * From parts to a Node server. The order is the security: the gateway secret is checked on the raw request before any framework
 * code runs and before the body is read; identity, permissions, then the SDK. Every answer names the origin.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { DENY_HEADER, HEALTH_PATH, MCP_PATH, OBSERVATION_PATH, ORIGIN_HEADER, READY_PATH } from "../contract/headers.ts";
import type { EventSink } from "./events.ts";
import { readIdentity } from "./identity.ts";
import { MAX_BODY_BYTES, type McpSide } from "./mcp.ts";
import type { Observer } from "./observe.ts";
import { refuse } from "./respond.ts";
import type { PermissionCache } from "./sieve/permissions.ts";
import type { Gate } from "./verify.ts";

/** As at the gateway. Unit: bytes. */
const MAX_HEADER_BYTES = 32 * 1024;
/** Longer than the platforms' proxies keep an idle connection, so that they close it and not we. Unit: milliseconds. */
const KEEP_ALIVE_MS = 120_000;
const HEADERS_TIMEOUT_MS = 15_000;
/** A whole request, body included. Unit: milliseconds. */
const REQUEST_TIMEOUT_MS = 60_000;
/** Longest time from the gateway secret to the answer. Unit: milliseconds. */
export const DEADLINE_MS = 60_000;
/** Headers that the SDK may see; besides these only Mcp-Param-*. */
const SDK_HEADERS = ["accept", "content-type", "mcp-protocol-version", "mcp-method", "mcp-name", "traceparent", "tracestate"] as const;
const OPEN_PATHS: ReadonlySet<string> = new Set([HEALTH_PATH, OBSERVATION_PATH]);

/** What the server is made of. */
export interface OriginParts {
  /** Name of this origin; goes into `X-Mcpist-Origin`. */
  readonly name: string;
  readonly gate: Gate;
  readonly observer: Observer;
  readonly permissions: PermissionCache;
  readonly mcp: McpSide;
  readonly events: EventSink;
  /** True when the database answers. */
  readonly ready: () => Promise<boolean>;
}

/** A server and its way down. */
export interface Origin {
  readonly server: Server;
  /** Refuses new connections, lets requests in flight finish for at most `graceMs`, then cuts them off. */
  drain(graceMs: number): Promise<void>;
}

type Env = { Bindings: HttpBindings };
const pathOf = (url: string | undefined): string => (url ?? "").split("?", 1)[0] ?? "";

/** Reads a body. @returns null when it is larger than the limit. @throws when the connection breaks. */
async function readBody(incoming: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Strict UTF-8 JSON; a byte order mark is not JSON. @returns undefined when it is neither. */
function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** The request that the SDK and its tools may see: no secret, no identity, nothing that is not on the list. */
function sanitised(incoming: IncomingMessage, signal: AbortSignal): Request {
  const headers = new Headers();
  for (const name of SDK_HEADERS) {
    const value = incoming.headers[name];
    if (typeof value === "string") headers.set(name, value);
  }
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (name.startsWith("mcp-param-") && typeof value === "string") headers.set(name, value);
  }
  return new Request(`http://origin.invalid${MCP_PATH}`, { method: "POST", headers, signal });
}

const rpcId = (body: unknown): string | number | null => {
  const id = typeof body === "object" && body !== null && "id" in body ? body.id : null;
  return typeof id === "string" || typeof id === "number" ? id : null;
};

function createApp(parts: OriginParts, state: { draining: boolean }): Hono<Env> {
  const { gate, observer, permissions, mcp, events } = parts;
  const app = new Hono<Env>();
  app.get(HEALTH_PATH, (c) => c.json({ status: "ok" }));
  app.get(OBSERVATION_PATH, (c) => {
    c.header("cache-control", "no-store");
    const observation = observer.observe(c.env.incoming.rawHeaders);
    return observation ? c.json(observation) : c.body(null, 429, { "retry-after": "1" });
  });
  app.get(READY_PATH, async (c) => {
    if (state.draining) return refuse("draining", { requestId: null });
    return (await parts.ready()) ? c.json({ status: "ready" }) : refuse("db", { requestId: null });
  });
  app.post(MCP_PATH, async (c) => {
    const { incoming } = c.env;
    const identity = readIdentity(incoming.rawHeaders);
    if (!identity) {
      events.record({ event: "identity_malformed", severity: "error", requestId: null, httpStatus: 500 });
      return refuse("gw.identity", { requestId: null });
    }
    const { requestId, userId } = identity;
    if (state.draining) return refuse("draining", { requestId });
    let user;
    try {
      user = await permissions.get(userId);
    } catch {
      events.record({ event: "db_unavailable", severity: "error", requestId, userId, httpStatus: 503 });
      return refuse("db", { requestId });
    }
    if (!user?.active) {
      events.record({ event: "user_inactive", severity: "warn", requestId, userId, httpStatus: 403 });
      return refuse("user.inactive", { requestId });
    }
    if (incoming.headers["content-encoding"] !== undefined) return refuse("shape.media", { requestId });
    const bytes = await readBody(incoming);
    if (!bytes) return refuse("shape.size", { requestId });
    const body = parseJson(bytes);
    if (body === undefined) return refuse("shape.json", { requestId });
    // One request id stands for one claim, so one HTTP request may carry one message.
    if (Array.isArray(body)) {
      events.record({ event: "batch_rejected", severity: "warn", requestId, userId, httpStatus: 400 });
      return refuse("shape.batch", { requestId });
    }
    const signal = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(DEADLINE_MS)]);
    const response = await mcp.serve(sanitised(incoming, signal), body, { identity, permissions: user, signal });
    void rpcId;
    return response;
  });
  app.all(MCP_PATH, (c) => c.json({ jsonrpc: "2.0", id: null, error: { code: 40500, message: "Use POST." } }, 405, { allow: "POST" }));
  app.notFound((c) => c.body(null, 404));
  app.onError((_, c) => c.json({ jsonrpc: "2.0", id: null, error: { code: -32603, message: "Internal error" } }, 500));
  void gate;
  return app;
}

/** What a client gets for bytes that are not HTTP. */
function rejectBytes(name: string, error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const status =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\n${ORIGIN_HEADER}: ${name}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`, () => socket.destroy());
}

/** Builds the server; it does not listen yet. */
export function createOrigin(parts: OriginParts): Origin {
  const { name, gate, events } = parts;
  const state = { draining: false };
  const serve = getRequestListener(createApp(parts, state).fetch, { overrideGlobalObjects: false });

  function onRequest(incoming: IncomingMessage, outgoing: ServerResponse): void {
    outgoing.setHeader(ORIGIN_HEADER, name);
    if (state.draining) outgoing.setHeader("connection", "close");
    const open = OPEN_PATHS.has(pathOf(incoming.url)) && (incoming.method === "GET" || incoming.method === "HEAD");
    if (!open) {
      const check = gate.check(incoming.rawHeaders);
      if (!check.accepted) {
        outgoing.writeHead(403, { [DENY_HEADER]: "gateway_secret", "content-length": "0" }).end();
        const retired = gate.retiredKid(incoming.rawHeaders);
        events.record({
          event: "gateway_secret_rejected",
          severity: "critical",
          requestId: null,
          httpStatus: 403,
          ...(retired === null ? {} : { kid: retired }),
        });
        return;
      }
      gate.note(check.kid);
    }
    if (incoming.headers.expect !== undefined) outgoing.writeContinue();
    void serve(incoming, outgoing);
  }

  const server = createServer({
    insecureHTTPParser: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    requireHostHeader: true,
  });
  server.on("request", onRequest);
  // Without this listener Node asks for the body before the secret was looked at.
  server.on("checkContinue", onRequest);
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => rejectBytes(name, error, socket as Socket));

  return {
    server,
    drain(graceMs) {
      return new Promise((resolve) => {
        const refuse = setTimeout(() => (state.draining = true), graceMs / 2);
        const cut = setTimeout(() => server.closeAllConnections(), graceMs);
        server.close(() => {
          clearTimeout(refuse);
          clearTimeout(cut);
          resolve();
        });
      });
    },
  };
}
