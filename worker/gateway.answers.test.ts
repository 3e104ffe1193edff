/** Answers that no origin should give: whatever comes behind a call that may have run, its client hears that it may have. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Behaviour } from "./test/gateway.ts";
import { CALL, MODERN, startSession, type Session } from "./test/session.ts";

let session: Session;
beforeAll(async () => {
  session = await startSession();
});
beforeEach(() => session.reset());
afterAll(() => session.close());

const JSON_TYPE = { "content-type": "application/json", "x-mcpist-origin": "koyeb" };
const SSE = { "content-type": "text/event-stream", "x-mcpist-origin": "koyeb" };
const MAY_HAVE_RUN = { id: 7, error: { code: 50203, data: { mayHaveExecuted: true } } };
const LIST = { jsonrpc: "2.0", id: 7, method: "tools/list", params: {} };

const gives =
  (status: number, headers: Readonly<Record<string, string>>, body = ""): Behaviour =>
  (_request, response) => {
    response.writeHead(status, headers);
    response.end(body);
  };
/** What the client of a call reads. */
async function ask(
  behave: Behaviour,
  headers: Readonly<Record<string, string>> = MODERN,
  body: unknown = CALL,
): Promise<readonly [status: number, text: string, response: Response]> {
  session.koyeb.behave = behave;
  const response = await session.post(await session.token(), headers, body);
  return [response.status, await response.text(), response];
}

describe("an answer to a call that says that all is well and does not say what came of it", () => {
  const empty: readonly (readonly [string, Behaviour])[] = [
    ["200 of length 0", gives(200, { ...JSON_TYPE, "content-length": "0" })],
    ["200 of length 0 as events", gives(200, { ...SSE, "content-length": "0" })],
    ["202", gives(202, { "x-mcpist-origin": "koyeb", "content-length": "0" })],
    ["202 of no declared length", (_, response) => void response.writeHead(202, { "x-mcpist-origin": "koyeb" }).end()],
    ["200 of no declared length", (_, response) => void response.writeHead(200, JSON_TYPE).end()],
    ["204", gives(204, { "x-mcpist-origin": "koyeb" })],
    ["205", gives(205, { "x-mcpist-origin": "koyeb", "content-length": "0" })],
    ["205 with a body", gives(205, JSON_TYPE, "{}")],
  ];
  it.each(empty.flatMap(([how, behave]) => [MODERN, {}].map((headers) => [how, behave, headers] as const)))(
    "may have run: %s",
    async (_, behave, headers) => {
      for (const accept of ["application/json, text/event-stream", "text/event-stream", "application/json"]) {
        const [status, text] = await ask(behave, { ...headers, accept });
        expect([status, JSON.parse(text)]).toMatchObject([502, MAY_HAVE_RUN]);
      }
      expect(session.fly.seen).toEqual([]);
    },
  );

  it("is no answer to a list either, which had no effect", async () => {
    const [status, text] = await ask(gives(202, { "x-mcpist-origin": "koyeb", "content-length": "0" }), {}, LIST);
    expect([status, JSON.parse(text)]).toMatchObject([502, { id: 7, error: { code: 50201 } }]);
    expect(text).not.toContain("mayHaveExecuted");
  });

  const large = { ...CALL, params: { ...CALL.params, text: "x".repeat(300_000) } };
  it("may have run where the call is too large to be kept", async () => {
    const [status, text] = await ask(gives(200, { ...JSON_TYPE, "content-length": "0" }), {}, large);
    expect([status, JSON.parse(text)]).toMatchObject([502, MAY_HAVE_RUN]);
  });

  it("is the right one to a large answer of the client", async () => {
    const answer = { jsonrpc: "2.0", id: 7, result: { text: "x".repeat(300_000) } };
    const [status, text] = await ask(gives(202, { "x-mcpist-origin": "koyeb", "content-length": "0" }), {}, answer);
    expect([status, text]).toEqual([202, ""]);
  });

  it("may have run where the method is not known to be repeatable", async () => {
    const level = { jsonrpc: "2.0", id: 7, method: "logging/setLevel", params: { level: "info" } };
    const [status, text] = await ask(gives(204, { "x-mcpist-origin": "koyeb" }), {}, level);
    expect([status, JSON.parse(text)]).toMatchObject([502, MAY_HAVE_RUN]);
  });

  it.each([
    ["a notification", { jsonrpc: "2.0", method: "notifications/initialized" }],
    ["an answer of the client", { jsonrpc: "2.0", id: 7, result: {} }],
  ])("is the right one to %s", async (_, body) => {
    const [status, text] = await ask(gives(202, { "x-mcpist-origin": "koyeb", "content-length": "0" }), {}, body);
    expect([status, text]).toEqual([202, ""]);
  });
});

describe("a length that no number can hold", () => {
  it.each(["9007199254740993", "1152921504606846976", "18446744073709551615"])(
    "tells that the call may have run when it ends before: %s",
    async (length) => {
      const [status, text] = await ask((request, response) => {
        response.writeHead(200, { ...JSON_TYPE, "content-length": length });
        response.write('{"jsonrpc":"2.0","id":7', () => void request.socket.end());
      });
      expect([status, JSON.parse(text)]).toMatchObject([502, MAY_HAVE_RUN]);
    },
  );
});

describe("JSON of a declared length that ends before", () => {
  it.each([500, 500_000])("tells a client that reads events that the call may have run: %i bytes", async (length) => {
    const [status, text, response] = await ask(
      (request, answer) => {
        answer.writeHead(200, { ...JSON_TYPE, "content-length": String(length) });
        answer.write('{"jsonrpc":"2.0","id":7,"result":{', () => void request.socket.resetAndDestroy());
      },
      { ...MODERN, accept: "text/event-stream" },
    );
    expect([status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    expect(text).toContain("\nevent: cut\n\n");
    const data = /\n\nevent: message\ndata: (.*)\n\n$/.exec(text)?.[1] ?? "";
    expect(JSON.parse(data)).toMatchObject(MAY_HAVE_RUN);
  });
});

describe("headers of an origin's answer", () => {
  const BODY = '{"jsonrpc":"2.0","id":7,"result":{}}';
  const raw =
    (...lines: string[]): Behaviour =>
    ({ socket }) =>
      void socket.end(
        [
          "HTTP/1.1 200 OK",
          "X-Mcpist-Origin: koyeb",
          "Connection: close",
          `Content-Length: ${BODY.length}`,
          ...lines,
          "",
          BODY,
        ].join("\r\n"),
        "latin1",
      );

  it.each([
    ["control characters", "Allow: a\u0001\u007fb"],
    ["control characters in a time", "Retry-After: 1\u0002"],
    ["more than a client's parser takes", `Allow: ${"A".repeat(40_000)}`],
    ["bytes of no text", "Retry-After: \u00e9\u00ff"],
    ["bytes of no text in a limit", "RateLimit: \u00e4\u00b8\u00ad"],
    ["a long limit", `RateLimit-Policy: "a";q=${"1".repeat(40_000)}`],
    ["control characters in the media type", "Content-Type: application/json; a=\u0001"],
    ["the gateway secret", "Retry-After: 9f00112233445566778899aabbccddeeff0123456789abcdeffedcba98765432"],
  ])("are left out where they have %s, and the answer is not lost", async (_, line) => {
    const type = line.startsWith("Content-Type") ? [] : ["Content-Type: application/json"];
    const [status, text, response] = await ask(raw(...type, line));
    expect([status, text]).toEqual([200, BODY]);
    const name = line.slice(0, line.indexOf(":"));
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get(name) ?? "").not.toContain(line.slice(name.length + 2));
    expect(response.headers.get("ratelimit")).toMatch(/^"burst";r=\d+;t=\d+$/);
  });

  it("are passed on in the form that they can have", async () => {
    const [, , { headers }] = await ask(
      raw(
        "Content-Type: application/json; charset=utf-8",
        "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT",
        "Allow: POST, OPTIONS",
        'RateLimit: "plan"; r=3; t=20',
        'RateLimit-Policy: "plan"; q=30; w=60; pk=:MTIz:',
      ),
    );
    expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(headers.get("retry-after")).toBe("Wed, 21 Oct 2026 07:28:00 GMT");
    expect(headers.get("allow")).toBe("POST, OPTIONS");
    expect(headers.get("ratelimit")).toMatch(/, "plan"; r=3; t=20$/);
    expect(headers.get("ratelimit-policy")).toMatch(/, "plan"; q=30; w=60; pk=:MTIz:$/);
  });
});
