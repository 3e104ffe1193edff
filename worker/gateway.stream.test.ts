/** Streams through real workerd: events come through one by one, a client that leaves is heard of, a broken stream is not repaired. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Behaviour } from "./test/gateway.ts";
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
  readonly reset: () => void;
} {
  let respond: ((text: string) => void) | null = null;
  let finish: (() => void) | null = null;
  let kill: (() => void) | null = null;
  return {
    behave: (request, response) => {
      response.writeHead(200, SSE);
      response.write("data: first\n\n");
      respond = (text) => void response.write(text);
      finish = () => void response.end();
      kill = () => void request.socket.resetAndDestroy();
    },
    next: (text) => respond?.(text),
    end: () => finish?.(),
    reset: () => kill?.(),
  };
}
/** A request on a socket of its own. */
async function open(): Promise<{ readonly socket: Socket; readonly received: () => string }> {
  const { port } = new URL(session.gateway.url);
  const body = JSON.stringify(CALL);
  const headers = Object.entries({
    ...PLAIN,
    host: "x",
    authorization: `Bearer ${await session.token()}`,
    "content-type": "application/json",
  });
  let text = "";
  const socket = connect(Number(port), "127.0.0.1");
  socket.on("data", (chunk) => (text += chunk.toString()));
  socket.on("error", () => undefined);
  socket.write(
    `POST /mcp HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}content-length: ${body.length}\r\n\r\n${body}`,
  );
  return { socket, received: () => text };
}
async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await sleep(10);
  expect(condition()).toBe(true);
}
const decoder = new TextDecoder();
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
    end();
    expect((await reader.read()).done).toBe(true);
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

  it("tell the origin with the next event when the client has only closed its side", async () => {
    const { behave, next } = stepwise();
    session.koyeb.behave = behave;
    const client = await open();
    await until(() => client.received().includes("data: first"));
    client.socket.destroy();
    // Closing one side is not leaving, in HTTP: the runtime learns of it when it writes. Origins send a comment every 15 s.
    for (let i = 0; i < 300 && !(session.koyeb.seen[0]?.cancelled ?? false); i++) {
      next(": still there\n\n");
      await sleep(10);
    }
    expect(session.koyeb.seen[0]?.cancelled).toBe(true);
  });

  it("that break in the middle stay broken: nothing is replayed", async () => {
    const { behave, reset } = stepwise();
    session.koyeb.behave = behave;
    const response = await session.post(await session.token(), PLAIN);
    const reader = response.body!.getReader();
    await reader.read();
    reset();
    const rest = await reader.read().then(
      ({ done }) => (done ? "end" : "more"),
      () => "broken",
    );
    expect(["end", "broken"]).toContain(rest);
    expect(session.fly.seen).toEqual([]);
  });
});
