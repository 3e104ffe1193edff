/** An MCP server over HTTP for tests. The path names what it does wrong; everything else of the protocol is done as it should be. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

interface Message {
  readonly id?: number;
  readonly method?: string;
}
type Act = (outgoing: ServerResponse, id: number | undefined, incoming: IncomingMessage) => unknown;

const MEGABYTE = Buffer.alloc(1024 * 1024, "x");
const ZEROS = Buffer.alloc(64 * 1024 * 1024);
const JSON_TYPE = { "content-type": "application/json" };
const EVENTS = { "content-type": "text/event-stream" };
const fine = (id: unknown): string =>
  JSON.stringify({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text: "fine" }] } });

/** Writes until somebody has had enough. */
async function flood(outgoing: ServerResponse, piece: string | Buffer, pauseMs = 0): Promise<void> {
  while (!outgoing.destroyed) {
    const room = outgoing.write(piece);
    await (room || outgoing.destroyed ? sleep(pauseMs) : Promise.race([drained(outgoing), closed(outgoing)]));
  }
}
const drained = (outgoing: ServerResponse): Promise<unknown> => new Promise((go) => outgoing.once("drain", go));
const closed = (outgoing: ServerResponse): Promise<unknown> => new Promise((go) => outgoing.once("close", go));
const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): Act =>
  (outgoing) =>
    outgoing.writeHead(code, headers).end();
const endless =
  (code: number, headers: Readonly<Record<string, string>>, first: string, piece: string | Buffer, pauseMs = 0): Act =>
  (outgoing) => {
    outgoing.writeHead(code, headers).write(first);
    return flood(outgoing, piece, pauseMs);
  };
const whole =
  (headers: Readonly<Record<string, string>>, body: string | Buffer): Act =>
  (outgoing) =>
    outgoing.writeHead(200, headers).end(body);
const reset =
  (headers: Readonly<Record<string, string>>): Act =>
  (outgoing) => {
    outgoing.writeHead(200, headers).flushHeaders();
    setImmediate(() => outgoing.socket?.resetAndDestroy());
  };
const raw =
  (text: string): Act =>
  (outgoing) =>
    outgoing.socket?.write(text);

/** Sessions that were opened, by path. */
const session = new Map<string, number>();

/** What is done with a call. */
export const AT_CALL: Readonly<Record<string, Act>> = {
  gzip: (outgoing) => {
    const member = gzipSync(ZEROS);
    outgoing.writeHead(200, { ...JSON_TYPE, "content-encoding": "gzip" }).end(Buffer.concat(Array(32).fill(member)));
  },
  brotli: (outgoing) =>
    outgoing
      .writeHead(200, { ...EVENTS, "content-encoding": "br" })
      .end(brotliCompressSync(ZEROS, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })),
  chunks: endless(200, JSON_TYPE, '{"jsonrpc":"', MEGABYTE),
  event: endless(200, EVENTS, "id: 1\ndata: ", MEGABYTE),
  comments: endless(200, EVENTS, ":", ": nothing\n\n".repeat(1000)),
  notices: endless(
    200,
    EVENTS,
    "",
    'data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n'.repeat(500),
  ),
  drip: endless(200, JSON_TYPE, "{", " ", 20),
  headers: raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-More: "),
  "long-headers": status(200, { ...JSON_TYPE, "x-more": "x".repeat(100_000) }),
  moves: status(302, { location: "/other" }),
  html: whole({ "content-type": "text/html" }, "<html>It works</html>"),
  "html-as-json": whole(JSON_TYPE, "<html>It works</html>"),
  "json-as-text": endless(200, { "content-type": "text/plain" }, "", MEGABYTE),
  unauthorized: endless(401, { "www-authenticate": "Bearer scope=x" }, "", MEGABYTE),
  forbidden: endless(403, { "www-authenticate": 'Bearer error="insufficient_scope", scope="x"' }, "", MEGABYTE),
  breaks: endless(500, {}, "", MEGABYTE),
  "reset-json": reset(JSON_TYPE),
  "reset-events": reset(EVENTS),
  "ends-events": whole(EVENTS, ": no answer\n\n"),
  "other-id": whole(JSON_TYPE, fine(4711)),
  accepted: status(202),
  lost: (outgoing, id, incoming) =>
    incoming.headers["mcp-session-id"] === "lost-1" ? status(404)(outgoing, id, incoming) : answer(outgoing, fine(id)),
  "always-lost": status(404),
  "lost-400": (outgoing, id, incoming) =>
    incoming.headers["mcp-session-id"] === "lost-400-1"
      ? status(400)(outgoing, id, incoming)
      : answer(outgoing, fine(id)),
  "not-found": status(404),
  "text-id": (outgoing, id) => {
    outgoing.writeHead(200, EVENTS).write(`data: ${fine(String(id))}\n\n`);
    return flood(outgoing, ": still here\n\n", 20);
  },
  unasked: (outgoing, id) => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const other = `data: {"jsonrpc":"2.0","id":4711,"error":{"code":1,"message":"x","data":${deep}}}\n\n`;
    outgoing.writeHead(200, EVENTS).end(`${other}data: ${fine(id)}\n\n`);
  },
  "goes-on": (outgoing, id) => {
    outgoing.writeHead(200, EVENTS).write(`data: ${fine(id)}\n\n`);
    return flood(outgoing, ": still here\n\n", 20);
  },
};
/** What is done with the request for a stream of its own. */
const AT_GET: Readonly<Record<string, Act>> = {
  "get-comments": endless(200, EVENTS, "", ": nothing\n\n".repeat(1000)),
  again: whole(EVENTS, "retry: 0\n\n"),
  "get-fails": status(500),
};
/** What is done with the handshake. */
const AT_START: Readonly<Record<string, Act>> = {
  "long-session": status(200, { ...JSON_TYPE, "mcp-session-id": "x".repeat(1024 * 1024) }),
  "odd-session": (outgoing, id) => answer(outgoing, fine(id), { "mcp-session-id": "a\tb" }),
  wrong: status(401),
};

const answer = (outgoing: ServerResponse, body: string, headers: Readonly<Record<string, string>> = {}): unknown =>
  outgoing.writeHead(200, { ...JSON_TYPE, ...headers }).end(body);
const tools = [{ name: "t", inputSchema: { type: "object" } }];

/** One request that came. */
export interface Seen {
  readonly path: string;
  /** Of HTTP, or of MCP when there is one. */
  readonly method: string;
  readonly user: string | undefined;
  readonly outgoing: ServerResponse;
}

/** Not listening yet. @param seen gets every request */
export const hostileServer = (seen: Seen[]): Server =>
  createServer(async (incoming, outgoing) => {
    outgoing.on("error", () => {});
    const path = (incoming.url ?? "").slice(1);
    let text = "";
    for await (const piece of incoming) text += String(piece);
    const { id, method = incoming.method ?? "" } = (text === "" ? {} : JSON.parse(text)) as Message;
    seen.push({ path, method, user: incoming.headers["x-user-id"]?.toString(), outgoing });
    const result = (value: unknown, headers = {}): unknown =>
      answer(outgoing, JSON.stringify({ jsonrpc: "2.0", id, result: value }), headers);
    if (path === "wrong") return AT_START["wrong"]?.(outgoing, id, incoming);
    if (method === "GET") return (AT_GET[path] ?? status(405))(outgoing, id, incoming);
    if (method === "DELETE") return status(path === "get-fails" ? 500 : 405)(outgoing, id, incoming);
    if (method === "server/discover") return status(400)(outgoing, id, incoming);
    if (method === "ping") {
      const gone = path === "always-lost" || incoming.headers["mcp-session-id"] === `${path}-1`;
      if (path.includes("lost") && gone) return status(path === "lost-400" ? 400 : 404)(outgoing, id, incoming);
      return result({});
    }
    if (method === "tools/list") return result({ tools });
    if (method === "tools/call") {
      const act = AT_CALL[path];
      return act ? act(outgoing, id, incoming) : answer(outgoing, fine(id));
    }
    if (method !== "initialize") return status(202)(outgoing, id, incoming);
    if (AT_START[path]) return AT_START[path](outgoing, id, incoming);
    const count = (session.get(path) ?? 0) + 1;
    session.set(path, count);
    const about = {
      protocolVersion: "2025-06-18",
      capabilities: { tools: {} },
      serverInfo: { name: path, version: "1" },
    };
    return result(about, { "mcp-session-id": `${path}-${count}` });
  });
