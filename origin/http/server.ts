/**
 * From parts to a Node server. The order is the security: the gateway secret is checked on the raw request before any framework
 * code runs and before the body is read. Every answer names the origin. It opens nothing and knows no environment.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import {
  DENY_HEADER,
  HEALTH_PATH,
  MCP_PATH,
  OBSERVATION_PATH,
  ORIGIN_HEADER,
  READY_PATH,
} from "../../contract/headers.ts";
import type { EventSink } from "../events.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Observer } from "./observe.ts";
import type { Peer } from "./peer.ts";
import { refuse } from "./respond.ts";
import { withoutSecret, type Gate } from "./verify.ts";

/** Prometheus text, behind the gateway secret. */
export const METRICS_PATH = "/metrics";
/** As at the gateway. Unit: bytes. */
const MAX_HEADER_BYTES = 32 * 1024;
/** Longer than the platforms' proxies keep an idle connection, so that they close it and not we. Unit: milliseconds. */
const KEEP_ALIVE_MS = 120_000;
/** Whoever opens a connection says what for. Unit: milliseconds. */
const HEADERS_TIMEOUT_MS = 5_000;
/** How often Node looks for connections that are over their time; its own default is 30 s. Unit: milliseconds. */
const CHECK_MS = 1_000;
/** Connections in all. */
const MAX_CONNECTIONS = 4_096;
/** Connections on which nobody has presented the gateway secret yet; of more, the oldest is closed: 256 times 32 KiB of headers. */
const MAX_STRANGERS = 256;
/** A refused sender of a body gets so long to read the refusal before its connection is cut. Unit: milliseconds. */
const LINGER_MS = 500;
/** A whole request, body included. Unit: milliseconds. */
const REQUEST_TIMEOUT_MS = 60_000;
/**
 * So long a draining origin still serves what comes on kept connections; then it says `draining`, nothing was done, and the gateway
 * goes elsewhere. Who keeps a connection does not keep a withdrawn secret alive for as long as calls run. Unit: milliseconds.
 */
const ANSWERS_MS = 4_000;
const OPEN_PATHS: ReadonlySet<string> = new Set([HEALTH_PATH, OBSERVATION_PATH]);

/** What the server is made of. */
export interface OriginParts {
  /** Name of this origin; goes into `X-Mcpist-Origin`. */
  readonly name: string;
  readonly gate: Gate;
  /** Where a caller is, as the platform attests it; absent = it does not. */
  readonly peerOf?: (rawHeaders: readonly string[]) => Peer;
  readonly observer: Observer;
  /** Answers `POST /mcp` of a caller that presented the secret. */
  readonly serveMcp: (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<Response>;
  readonly events: EventSink;
  readonly metrics: Metrics;
  /** True when the database answers. */
  readonly ready: () => Promise<boolean>;
  /** A bug or a broken connection; the client gets a constant answer. */
  readonly onError: (error: unknown) => void;
}

/** A server and its way down. */
export interface Origin {
  readonly server: Server;
  /** Requests to /mcp that are being served. */
  readonly inFlight: () => number;
  /** Refuses new connections, closes each kept one after its answer, and after `graceMs` cuts what is still open. */
  drain(graceMs: number): Promise<void>;
}

type Env = { Bindings: HttpBindings };
const pathOf = (url: string | undefined): string => (url ?? "").split("?", 1)[0] ?? "";

function createApp(parts: OriginParts, isDraining: () => boolean, isClosed: () => boolean): Hono<Env> {
  const { observer, metrics, ready, serveMcp, onError } = parts;
  const app = new Hono<Env>();
  app.get(HEALTH_PATH, (c) => c.json({ status: "ok" }));
  app.get(OBSERVATION_PATH, (c) => {
    const observation = observer.observe(c.env.incoming.rawHeaders);
    c.header("cache-control", "no-store");
    return observation ? c.json(observation) : c.body(null, 429, { "retry-after": "1" });
  });
  app.get(READY_PATH, async (c) => {
    if (isDraining()) return refuse("draining", { requestId: null });
    return (await ready()) ? c.json({ status: "ready" }) : refuse("db", { requestId: null });
  });
  app.get(METRICS_PATH, async (c) => {
    const { contentType, text } = await metrics.render();
    return c.body(text, 200, { "content-type": contentType, "cache-control": "no-store" });
  });
  app.post(MCP_PATH, (c) =>
    isClosed() ? refuse("draining", { requestId: null }) : serveMcp(c.env.incoming, c.env.outgoing),
  );
  app.all(MCP_PATH, () => refuse("shape.method", { requestId: null, headers: { allow: "POST" } }));
  app.notFound((c) => c.body(null, 404));
  app.onError((error) => {
    onError(error);
    return Response.json(
      { jsonrpc: "2.0", id: null, error: { code: -32603, message: "Internal error" } },
      { status: 500 },
    );
  });
  return app;
}

/** Answers bytes that are not HTTP, and closes: nothing after them can be trusted to start a request. */
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
  socket.end(`HTTP/1.1 ${status}\r\n${ORIGIN_HEADER}: ${name}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`, () =>
    socket.destroy(),
  );
}

const bringsBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

/** Refuses without reading: Node's own response would take in the rest of the body first. The gateway reads the reason all the same. */
function rejectBody(name: string, { socket }: IncomingMessage): void {
  socket.pause();
  socket.end(
    `HTTP/1.1 403 Forbidden\r\n${ORIGIN_HEADER}: ${name}\r\n${DENY_HEADER}: gateway_secret\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
  );
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

/** Builds the server; it does not listen yet. */
export function createOrigin(parts: OriginParts): Origin {
  const { name, gate, events, metrics, onError } = parts;
  let draining = false;
  let closed = false;
  let inFlight = 0;
  const serve = getRequestListener(
    createApp(
      parts,
      () => draining,
      () => closed,
    ).fetch,
  );

  /** Connections on which the secret was not presented yet, oldest first. */
  const strangers = new Set<Socket>();
  function admit(socket: Socket): void {
    strangers.add(socket);
    socket.once("close", () => strangers.delete(socket));
    if (strangers.size <= MAX_STRANGERS) return;
    const [oldest] = strangers;
    if (oldest) strangers.delete(oldest);
    oldest?.destroy();
  }

  function reject(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (bringsBody(incoming)) rejectBody(name, incoming);
    else outgoing.writeHead(403, { [DENY_HEADER]: "gateway_secret", "content-length": "0" }).end();
    metrics.count("mcpist_requests_total", "gw.secret");
    // After the answer: only a retired secret is named, by its public kid.
    const retired = gate.retiredKid(incoming.rawHeaders);
    const kid = retired === null ? {} : { kid: retired };
    events.record({ event: "gateway_secret_rejected", severity: "critical", requestId: null, httpStatus: 403, ...kid });
  }

  function onRequest(incoming: IncomingMessage, outgoing: ServerResponse): void {
    outgoing.setHeader(ORIGIN_HEADER, name);
    if (draining) outgoing.setHeader("connection", "close");
    // An answer that began before the end was announced promised to keep its connection.
    else outgoing.once("finish", () => draining && incoming.socket.end());
    const path = pathOf(incoming.url);
    const open = OPEN_PATHS.has(path) && (incoming.method === "GET" || incoming.method === "HEAD");
    if (!open) {
      const check = gate.check(incoming.rawHeaders);
      if (!check.accepted) {
        reject(incoming, outgoing);
        return;
      }
      gate.note(check.kid, parts.peerOf?.(incoming.rawHeaders) ?? null);
      withoutSecret(incoming);
      strangers.delete(incoming.socket);
    }
    if (path === MCP_PATH) {
      inFlight++;
      outgoing.once("close", () => inFlight--);
    }
    if (incoming.headers.expect?.toLowerCase() === "100-continue") outgoing.writeContinue();
    serve(incoming, outgoing).catch(onError);
  }

  const server = createServer({
    insecureHTTPParser: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_MS,
    // Refused by the adapter instead, with our header: Node's own answer would not name the origin.
    requireHostHeader: false,
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on("connection", admit);
  server.on("request", onRequest);
  // Without these listeners Node answers `Expect` by itself, before the secret was looked at.
  server.on("checkContinue", onRequest);
  server.on("checkExpectation", onRequest);
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => rejectBytes(name, error, socket as Socket));

  return {
    server,
    inFlight: () => inFlight,
    drain(graceMs) {
      draining = true;
      return new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), graceMs);
        const close = setTimeout(() => (closed = true), ANSWERS_MS);
        server.close(() => {
          clearTimeout(cut);
          clearTimeout(close);
          resolve();
        });
      });
    },
  };
}
