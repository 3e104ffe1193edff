/** Servers at a URL whose HTTP is broken or meant ill: each costs its own callers, within their deadline, and nobody else. */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostileServer, type Seen } from "../test/servers/hostile-http.ts";
import { Secret } from "../modules/secret.ts";
import { WholeResult, type ToolContext } from "../modules/module.ts";
import { createServers, type Servers } from "./servers.ts";

const CREDENTIAL = "credential-5b1f0c";
const FINE = new WholeResult({ content: [{ type: "text", text: "fine" }] });
const UNKNOWN =
  "The server ended or fell silent before it answered: the call may have been executed. It is not repeated.";
const REFUSED = "The server did not accept this call.";
const DOWN = "This server is not available at the moment. Try again later.";

/** What a caller gets; a text = what is said instead. */
const ROWS: readonly [path: string, what: string, expected: WholeResult | string][] = [
  ["gzip", "answers with two gigabytes in two megabytes", UNKNOWN],
  ["brotli", "answers with a stream that inflates", UNKNOWN],
  ["chunks", "never ends its answer", UNKNOWN],
  ["event", "never ends an event", UNKNOWN],
  ["long-headers", "answers with 100 KB of headers", UNKNOWN],
  ["moves", "sends its callers elsewhere", UNKNOWN],
  ["html", "answers with a page", UNKNOWN],
  ["html-as-json", "answers with a page and calls it JSON", UNKNOWN],
  ["json-as-text", "answers with another type, without end", UNKNOWN],
  ["unauthorized", "answers 401 without end", REFUSED],
  ["forbidden", "answers 403 without end", REFUSED],
  ["breaks", "answers 500 without end", UNKNOWN],
  ["reset-json", "resets the connection after the headers", UNKNOWN],
  ["reset-events", "resets the connection of a stream", UNKNOWN],
  ["ends-events", "ends a stream without an answer", UNKNOWN],
  ["other-id", "answers what nobody asked", UNKNOWN],
  ["accepted", "takes a call as if it was a notification", UNKNOWN],
  ["lost", "has lost its session", FINE],
  ["always-lost", "loses every session", DOWN],
  ["lost-400", "has lost its session and says 400", FINE],
  ["not-found", "has not what was asked for, and says 404 in a session that goes on", REFUSED],
  ["text-id", "makes a text of an id, and goes on with the stream", FINE],
  ["unasked", "answers what nobody asked, too deeply to be read", FINE],
  ["goes-on", "goes on with a stream after its answer", FINE],
  ["get-comments", "has nothing to say on a stream of its own", FINE],
  ["plain", "does nothing wrong", FINE],
  ["get-fails", "refuses a stream and the end of a session", FINE],
];
/** They go on until the caller has had enough. */
const SLOW: readonly [path: string, what: string][] = [
  ["comments", "sends nothing but comments"],
  ["notices", "sends nothing but notifications"],
  ["drip", "answers byte by byte"],
  ["headers", "never ends its headers"],
];
/** They never come up. @see said */
const DOWNS: readonly [path: string, said: string][] = [
  ["long-session", "mcpist: the server cannot be reached (UND_ERR_HEADERS_OVERFLOW)"],
  ["odd-session", "mcpist: the server names its session in a way that MCP does not allow"],
  ["wrong", "mcpist: the server answers with HTTP 401"],
];

const said: string[] = [];
const opened: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(opened.map((close) => close()));
});

interface Started {
  readonly server: Server;
  readonly servers: Servers;
  /** Every request that came. */
  readonly seen: readonly Seen[];
}

/** Servers at these paths, and the one program that serves all of them. */
async function start(paths: readonly string[]): Promise<Started> {
  const seen: Seen[] = [];
  const server = hostileServer(seen);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const settings = paths.map((path) => [path, { url: `${base}/${path}`, credential: "KEY" }]);
  const made = createServers(Object.fromEntries(settings), {
    secrets: new Map([["KEY", new Secret(CREDENTIAL)]]),
    separator: null,
    path: "",
    version: "0",
    fetch,
    random: () => 0.5,
    now: () => performance.now(),
  });
  if (!made.ok) throw new Error(made.error);
  const servers = made.value;
  opened.push(async () => {
    await servers.stop();
    server.close();
    server.closeAllConnections();
  });
  servers.start({ onListing: () => {}, onState: () => {}, onStderr: (name, text) => said.push(`${name}: ${text}`) });
  await servers.settled();
  return { server, servers, seen };
}

async function run(servers: Servers, path: string, signal = new AbortController().signal): Promise<unknown> {
  const context: ToolContext = {
    signal,
    now: () => new Date(),
    requestId: "019a0000-0000-7000-8000-000000000001",
    userId: "00000000-0000-4000-8000-000000000001",
    traceparent: null,
    token: () => Promise.reject(new Error("nobody asks")),
    progress: null,
  };
  const tool = servers.modules.find(({ name }) => name === path)?.tools.get("t");
  return tool?.run({}, context).catch((error: unknown) => (error as Error).message);
}
/** Ends every connection, and waits until the other side has seen it: a request that crosses the end may have run. */
async function endConnections(seen: readonly Seen[]): Promise<void> {
  const sockets = new Set(seen.flatMap(({ outgoing }) => (outgoing.req.socket.destroyed ? [] : [outgoing.req.socket])));
  await Promise.all([...sockets].map((socket) => once(socket.end(), "close")));
}
/** Settles when no connection serves these any more. */
const over = (requests: readonly Seen[]): Promise<void> =>
  expect.poll(() => requests.filter(({ outgoing }) => !outgoing.closed)).toEqual([]);

describe("beside each other, a server at a URL that", () => {
  let servers: Servers;
  let seen: readonly Seen[];
  const calls = (path: string): readonly Seen[] =>
    seen.filter((one) => one.path === path && one.method === "tools/call");
  beforeAll(async () => {
    ({ servers, seen } = await start([...ROWS, ...SLOW, ...DOWNS].map(([path]) => path)));
  });

  it.each(ROWS)("%s (%s) costs its own callers alone", async (path, _what, expected) => {
    expect(await run(servers, path)).toEqual(expected);
    await over(calls(path));
    // At most once: nothing is sent again but what found no session.
    expect(calls(path)).toHaveLength(path.includes("lost") ? 2 : 1);
    expect(said.join()).not.toContain(CREDENTIAL);
  });

  it.each(SLOW)("%s (%s) holds its caller and the connection no longer than the caller wants", async (path) => {
    const stop = new AbortController();
    const answer = run(servers, path, stop.signal);
    await expect.poll(() => calls(path)).toHaveLength(1);
    stop.abort();
    expect(await answer).toBe(UNKNOWN);
    await over(calls(path));
    // It hears who gives up.
    const given = (): unknown[] =>
      seen.filter((one) => one.path === path && one.method === "notifications/cancelled").map(({ user }) => user);
    await expect.poll(() => given()).toEqual(["00000000-0000-4000-8000-000000000001"]);
  });

  it.each(DOWNS)("is of no use (%s) is down, and the operator reads why: %s", (path, line) => {
    expect(servers.states().get(path)).toBe("down");
    expect(said).toContain(`${path}: ${line}`);
  });
});

describe("a server at a URL that", () => {
  it("closes its connections between two calls costs none of them", async () => {
    const { servers, seen } = await start(["plain"]);
    expect(await run(servers, "plain")).toEqual(FINE);
    await endConnections(seen);
    expect(await run(servers, "plain")).toEqual(FINE);
  });

  it("sends its callers elsewhere sends nobody there", async () => {
    const { servers, seen } = await start(["moves"]);
    await run(servers, "moves");
    expect(seen.filter(({ path }) => path === "other")).toEqual([]);
    expect(said).toContain("moves: mcpist: the server answers with a redirect (HTTP 302), which is not followed");
  });

  it("wants to be asked again at once is asked once a second at most", async () => {
    const { seen } = await start(["again"]);
    const asked = (): number => seen.filter(({ method }) => method === "GET").length;
    await expect.poll(() => asked()).toBeGreaterThanOrEqual(1);
    const first = performance.now();
    await expect.poll(() => asked()).toBeGreaterThanOrEqual(2);
    expect(asked()).toBeLessThanOrEqual(3 + (performance.now() - first) / 1_000);
  });

  it("is not there any more is not available, and comes back", async () => {
    const { server, servers, seen } = await start(["plain"]);
    const { port } = server.address() as AddressInfo;
    await endConnections(seen);
    server.close();
    expect(await run(servers, "plain")).toBe(DOWN);
    await expect.poll(() => servers.states().get("plain")).toBe("down");
    expect(said).toContain("plain: mcpist: the server cannot be reached (ECONNREFUSED)");
    server.listen(port, "127.0.0.1");
    await expect.poll(() => run(servers, "plain")).toEqual(FINE);
  });
});
