/** Streams through real workerd: events come through one by one, a client that leaves is heard of, a broken stream is not repaired. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { answers, type Behaviour } from "./test/gateway.ts";
import { CALL, MODERN, startSession, type Session } from "./test/session.ts";

let session: Session;
beforeAll(async () => {
  session = await startSession();
});
beforeEach(() => session.reset());
afterAll(() => session.close());

const SSE = { "content-type": "text/event-stream", "x-mcpist-origin": "koyeb", "x-accel-buffering": "no" };
/** Sends one event at once and the next ones when told. */
function stepwise(): {
  readonly behave: Behaviour;
  readonly next: (text: string) => void;
  readonly end: () => void;
} {
  let respond: ((text: string) => void) | null = null;
  let finish: (() => void) | null = null;
  return {
    behave: (_request, response) => {
      response.writeHead(200, SSE);
      response.write("data: first\n\n");
      respond = (text) => void response.write(text);
      finish = () => void response.end();
    },
    next: (text) => respond?.(text),
    end: () => finish?.(),
  };
}
/** Of an answer without end a test needs the beginning. */
const MOST_KEPT = 1_000_000;
/** A request on a socket of its own. */
async function open(
  more: Readonly<Record<string, string>> = PLAIN,
): Promise<{ readonly socket: Socket; readonly received: () => string }> {
  const { port } = new URL(session.gateway.url);
  const body = JSON.stringify(CALL);
  const headers = Object.entries({
    accept: "application/json, text/event-stream",
    ...more,
    host: "x",
    connection: "close",
    authorization: `Bearer ${await session.token()}`,
    "content-type": "application/json",
  });
  let text = "";
  const socket = connect(Number(port), "127.0.0.1");
  socket.on("data", (chunk) => {
    if (text.length < MOST_KEPT) text += chunk.toString();
  });
  socket.on("error", () => undefined);
  socket.write(
    `POST /mcp HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}content-length: ${body.length}\r\n\r\n${body}`,
  );
  return { socket, received: () => text };
}
const until = (condition: () => boolean): Promise<void> => expect.poll(condition, { interval: 10 }).toBe(true);
const decoder = new TextDecoder();
const ANSWER = 'data: {"jsonrpc":"2.0","id":7,"result":{}}\n\n';
// Without compression on this hop, as event streams travel in production.
const PLAIN = { ...MODERN, "accept-encoding": "identity" };

describe("event streams", () => {
  it("come through event by event, the first one before the second is written", async () => {
    const { behave, next, end } = stepwise();
    session.koyeb.behave = behave;
    const response = await session.post(await session.token(), PLAIN);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    const reader = response.body!.getReader();
    expect(decoder.decode((await reader.read()).value)).toBe("data: first\n\n");
    next("data: second\n\n");
    expect(decoder.decode((await reader.read()).value)).toBe("data: second\n\n");
    next(ANSWER);
    end();
    let rest = "";
    for (let read = await reader.read(); !read.done; read = await reader.read()) rest += decoder.decode(read.value);
    expect(rest).toBe(ANSWER);
  });

  it.each(["before the first byte", "in the middle"])(
    "tell the origin at once when the client's connection is reset %s",
    async (when) => {
      session.koyeb.behave = when === "in the middle" ? stepwise().behave : () => undefined;
      const client = await open();
      await until(
        () =>
          session.koyeb.seen.length === 1 && (when !== "in the middle" || client.received().includes("data: first")),
      );
      expect(session.koyeb.seen[0]?.cancelled).toBe(false);
      client.socket.resetAndDestroy();
      await until(() => session.koyeb.seen[0]?.cancelled ?? false);
      expect(session.fly.seen).toEqual([]);
    },
  );

  it.each([
    ["of a declared length", { "content-length": 1_000_000 }],
    ["of none", {}],
  ])(
    "and answers %s tell the origin at once when the client's connection is reset while nothing comes",
    async (_, more) => {
      session.koyeb.behave = (_request, response) => {
        response.writeHead(200, { "content-type": "application/json", "x-mcpist-origin": "koyeb", ...more });
        response.write(" ".repeat(900_000));
      };
      const client = await open();
      await until(() => session.koyeb.seen.length === 1);
      if ("content-length" in more) await until(() => client.received().length > 895_000);
      client.socket.resetAndDestroy();
      await until(() => session.koyeb.seen[0]?.cancelled ?? false);
    },
  );

  it("tell the origin with the next event when the client has only closed its side", async () => {
    const { behave, next } = stepwise();
    session.koyeb.behave = behave;
    const client = await open();
    await until(() => client.received().includes("data: first"));
    client.socket.destroy();
    // Closing one side is not leaving, in HTTP: the runtime learns of it when it writes. Origins send a comment every 15 s.
    await until(() => {
      next(": still there\n\n");
      return session.koyeb.seen[0]?.cancelled ?? false;
    });
  });
});

describe("one user's answers without end", () => {
  /** Writes as fast as it is taken, until the connection is closed. */
  const flood =
    (headers: Readonly<Record<string, string | number>>, chunk: string): Behaviour =>
    (_request, response) => {
      response.writeHead(200, { "x-mcpist-origin": "koyeb", ...headers });
      const go = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once("drain", go);
      };
      go();
    };
  const declared = flood({ "content-type": "application/json", "content-length": 1e12 }, " ".repeat(24_000));
  const floods: [what: string, Behaviour][] = [
    ["events", flood(SSE, ": keepalive\n\n".repeat(2000))],
    ["one line", flood(SSE, " ".repeat(24_000))],
    ["JSON of a declared length", declared],
    ["JSON without one", flood({ "content-type": "application/json" }, " ".repeat(24_000))],
  ];

  it.each<[what: string, Behaviour, headers?: Readonly<Record<string, string>>]>([
    ...floods,
    ["JSON in another form, as events", declared, { ...PLAIN, accept: "text/event-stream" }],
  ])("cost nobody else a call while they are taken: %s", async (_, behave, headers) => {
    const other = await session.token();
    session.koyeb.behave = behave;
    const clients = await Promise.all(Array.from({ length: 10 }, () => open(headers)));
    await until(() => clients.every(({ received }) => received() !== ""));
    session.koyeb.behave = answers("koyeb");
    const response = await session.post(other, MODERN);
    expect([response.status, await response.json()]).toMatchObject([200, { result: { servedBy: "koyeb" } }]);
    for (const { socket } of clients) socket.resetAndDestroy();
    await until(() => session.koyeb.seen.filter(({ cancelled }) => cancelled).length === 10);
  });

  it.each(floods)("cost nobody else a call while nobody reads them: %s", async (_, behave) => {
    const other = await session.token();
    session.koyeb.behave = behave;
    const clients = await Promise.all(Array.from({ length: 3 }, () => open()));
    for (const { socket } of clients) socket.pause();
    await until(() => session.koyeb.seen.length === 3);
    session.koyeb.behave = answers("koyeb");
    const response = await session.post(other, MODERN);
    expect([response.status, await response.json()]).toMatchObject([200, { result: { servedBy: "koyeb" } }]);
    for (const { socket } of clients) socket.resetAndDestroy();
    await until(() => session.koyeb.seen.filter(({ cancelled }) => cancelled).length === 3);
  });
});

/** True when HTTP says that the answer has come to its end. */
function isWhole(text: string): boolean {
  const [head = "", body = ""] = text.split(/\r\n\r\n(.*)/s, 2);
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  return length === undefined ? text.endsWith("\r\n0\r\n\r\n") : body.length >= Number(length);
}
/** What the client of a call reads, as bytes on the wire, from an origin that stops in this way. */
async function outcome(behave: Behaviour, headers: Readonly<Record<string, string>> = MODERN): Promise<string> {
  session.koyeb.behave = behave;
  const client = await open({ ...headers, "accept-encoding": "identity" });
  const closed = once(client.socket, "close").then(() => true);
  while (!isWhole(client.received()) && !(await Promise.race([closed, sleep(10, false)])));
  client.socket.destroy();
  expect(session.fly.seen).toEqual([]);
  return client.received();
}
const stops: Record<string, (request: IncomingMessage) => void> = {
  "is reset": (request) => void request.socket.resetAndDestroy(),
  "closes without a terminator": (request) => void request.socket.end(),
};
const ERROR =
  '{"jsonrpc":"2.0","id":7,"error":{"code":50203,"message":"The outcome is unknown: the call may have run.","data":';
const MAY_HAVE_RUN = '"mayHaveExecuted":true}}}';

describe("an answer that its origin did not end", () => {
  const cases = Object.entries(stops).flatMap(([how, stop]) =>
    [MODERN, {}].map((headers) => [how, "mcp-method" in headers ? "modern" : "legacy", stop, headers] as const),
  );

  it.each(cases)("as events ends with the call's own error when the origin %s (%s)", async (_, __, stop, headers) => {
    const text = await outcome((request, response) => {
      response.writeHead(200, SSE);
      response.write(": keepalive\n\n", () => stop(request));
    }, headers);
    expect(text).toContain("HTTP/1.1 200");
    const data = /event: message\ndata: (.*)\n\n/.exec(text)?.[1] ?? "";
    expect([data.slice(0, ERROR.length), data.slice(-MAY_HAVE_RUN.length)]).toEqual([ERROR, MAY_HAVE_RUN]);
    await expect
      .poll(() => session.gateway.events)
      .toContainEqual(expect.objectContaining({ event: "origin_failed", origin: "koyeb", reason: "answer cut" }));
  });

  it.each(cases)("as JSON is an error and no 200 when the origin %s (%s)", async (_, __, stop, headers) => {
    const text = await outcome((request, response) => {
      response.writeHead(200, { "content-type": "application/json", "x-mcpist-origin": "koyeb" });
      response.write('{"jsonrpc":"2.0","id":7,"result":{', () => stop(request));
    }, headers);
    expect(text).toContain("HTTP/1.1 502");
    expect([text.includes(ERROR), text.includes(MAY_HAVE_RUN)]).toEqual([true, true]);
  });

  it.each([103, 199, 600, 999])("has a status that no answer can have: %i", async (status) => {
    const behave: Behaviour = (_request, response) =>
      void response.writeHead(status, { "x-mcpist-origin": "koyeb" }).end();
    [session.koyeb.behave, session.fly.behave] = [behave, behave];
    const response = await session.post(await session.token(), MODERN);
    expect([response.status, await response.json()]).toMatchObject([
      502,
      { id: 7, error: { code: 50203, data: { mayHaveExecuted: true } } },
    ]);
  });

  it.each(cases)("as JSON of a declared length is shorter when the origin %s (%s)", async (_, __, stop, headers) => {
    const text = await outcome((request, response) => {
      response.writeHead(200, {
        "content-type": "application/json",
        "x-mcpist-origin": "koyeb",
        "content-length": 500,
      });
      response.write('{"jsonrpc":"2.0","id":7,"result":{', () => stop(request));
    }, headers);
    expect(text).toContain("Content-Length: 500");
    expect(text.slice(text.indexOf("\r\n\r\n") + 4)).toBe('{"jsonrpc":"2.0","id":7,"result":{');
  });

  it("as JSON of a declared length that is large is shorter, too", async () => {
    const text = await outcome((request, response) => {
      response.writeHead(200, {
        "content-type": "application/json",
        "x-mcpist-origin": "koyeb",
        "content-length": 500_000,
      });
      response.write(`{"jsonrpc":"2.0","id":7,"result":{"text":"${"a".repeat(100_000)}`, () => request.socket.end());
    });
    expect(text).toContain("Content-Length: 500000");
    expect(text.length).toBeLessThan(110_000);
  });

  it.each(["application/json", "text/event-stream"])(
    "is found out behind a proxy that ends it cleanly: %s",
    async (type) => {
      const text = await outcome((_request, response) => {
        response.writeHead(200, { "content-type": type, "x-mcpist-origin": "koyeb" });
        response.end('data: {"jsonrpc":"2.0","id":7,"result":{');
      });
      expect([text.includes(ERROR), text.includes(MAY_HAVE_RUN)]).toEqual([true, true]);
    },
  );

  it("says nothing of effects where there cannot be any", async () => {
    const text = await outcome(
      (request, response) => {
        response.writeHead(200, SSE);
        response.write(": keepalive\n\n", () => void request.socket.resetAndDestroy());
      },
      { ...MODERN, "mcp-name": "get_module_schema" },
    );
    expect([text.includes('"id":7,"error":{"code":50201'), text.includes("mayHaveExecuted")]).toEqual([true, false]);
  });
});

describe("a client that reads one form only", () => {
  const { id } = CALL;
  const answer = { jsonrpc: "2.0", id, result: { content: [{ type: "text", text: "two\nlines" }] } };
  const line = JSON.stringify(answer);
  const asEvents: Behaviour = (_request, response) => {
    response.writeHead(200, SSE);
    response.write(": keepalive\n\n");
    response.write('event: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\n');
    response.end(`event: message\ndata: ${line}\n\n`);
  };
  const asJson: Behaviour = (_request, response) => {
    response.writeHead(200, { "content-type": "application/json", "x-mcpist-origin": "koyeb" });
    response.end(JSON.stringify(answer, null, 2));
  };
  const read = async (accept: string, behave: Behaviour, headers: Readonly<Record<string, string>> = MODERN) => {
    session.koyeb.behave = behave;
    const response = await session.post(await session.token(), { ...headers, accept });
    return { type: response.headers.get("content-type"), status: response.status, text: await response.text() };
  };

  it.each([
    ["application/json", asEvents],
    ["*/*", asEvents],
    ["application/json, text/plain, */*", asEvents],
    ["application/json", asJson],
  ])("gets JSON for Accept: %s", async (accept, behave) => {
    for (const headers of [MODERN, {}]) {
      const { type, status, text } = await read(accept, behave, headers);
      expect([type, status, JSON.parse(text)]).toEqual(["application/json", 200, answer]);
    }
    expect(new Set(session.koyeb.seen.map(({ headers }) => headers.accept))).toEqual(
      new Set(["application/json, text/event-stream"]),
    );
  });

  it("gets events for Accept: text/event-stream", async () => {
    const { type, text } = await read("text/event-stream", asJson);
    expect(type).toBe("text/event-stream");
    const [, data = ""] = /^event: message\ndata: (.*)\n\n$/.exec(text) ?? [];
    expect(JSON.parse(data)).toEqual(answer);
    expect(await read("text/event-stream", asEvents)).toMatchObject({ type: "text/event-stream" });
  });

  it("reads a refusal of the origin as it is", async () => {
    const refusal: Behaviour = (_request, response) => {
      response.writeHead(400, { "content-type": "application/json", "x-mcpist-origin": "koyeb" });
      response.end('{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"no"}}');
    };
    expect(await read("text/event-stream", refusal)).toMatchObject({ type: "application/json", status: 400 });
  });

  it("gets notifications as the stream that it asked for", async () => {
    const listen = { jsonrpc: "2.0", id, method: "subscriptions/listen", params: {} };
    const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen" };
    session.koyeb.behave = asEvents;
    const response = await session.post(await session.token(), { ...headers, accept: "application/json" }, listen);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(await response.text()).toContain("notifications/progress");
  });

  it.each(Object.entries(stops))("hears as JSON that the call may have run when the origin %s", async (_, stop) => {
    const text = await outcome(
      (request, response) => {
        response.writeHead(200, SSE);
        response.write(": keepalive\n\n", () => stop(request));
      },
      { ...MODERN, accept: "application/json" },
    );
    expect(text).toMatch(/^content-type: application\/json\r$/im);
    expect([text.includes(ERROR), text.includes(MAY_HAVE_RUN)]).toEqual([true, true]);
    expect(text).not.toContain("keepalive");
  });
});
