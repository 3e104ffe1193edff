/** Bytes on the wire that no HTTP library would send: whatever they mean to somebody else, no origin ever gets a forged header. */
import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SECRET } from "./test/gateway.ts";
import { CALL, newUser, startSession, type Session } from "./test/session.ts";

let session: Session;
beforeAll(async () => {
  session = await startSession();
});
beforeEach(() => session.reset());
afterAll(() => session.close());

/** True when `text` is at least one answer with its whole body. */
function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /^content-length: (\d+)/im.exec(text.slice(0, end))?.[1];
  return length === undefined ? text.endsWith("0\r\n\r\n") : text.length >= end + 4 + Number(length);
}

/** Sends raw bytes and reads a whole answer, and what else comes within 50 ms after it or until the connection is closed. */
function raw(text: string): Promise<string> {
  const { port } = new URL(session.gateway.url);
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(Number(port), "127.0.0.1", () => socket.write(text, "latin1"));
    const done = (): void => {
      socket.destroy();
      resolve(answer);
    };
    // Half a request is not answered at all; that is an outcome too.
    socket.setTimeout(1500, done);
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      if (isWhole(answer)) socket.setTimeout(50);
    });
    socket.on("end", done);
    socket.on("error", (error) => (answer === "" ? reject(error) : done()));
  });
}
const statuses = (answer: string): string[] =>
  Array.from(answer.matchAll(/HTTP\/1\.1 (\d{3})/g), (match) => match[1] ?? "");
const BODY = JSON.stringify(CALL);

async function request(
  lines: readonly string[],
  { body = BODY, authorization = true, length = true, sub = newUser() } = {},
): Promise<string> {
  const head = [
    "POST /mcp HTTP/1.1",
    "Host: gateway.test",
    "Content-Type: application/json",
    ...(authorization ? [`Authorization: Bearer ${await session.token({ sub })}`] : []),
    ...(length ? [`Content-Length: ${Buffer.byteLength(body)}`] : []),
    ...lines,
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

describe("forged headers on the wire", () => {
  it.each([
    "X-User-ID: victim",
    "x-user-id: victim",
    "X-USER-ID:victim",
    "X-User-ID:\t victim \t",
    "X-User_ID: victim",
    "X_User_ID: victim",
    "X.User.ID: victim",
    "XUserID: victim",
    "X-User-ID: victim\r\nX-User-ID: victim-2",
    "X-User-ID: victim, victim-2",
    "X-Gateway-Secret: victim",
    "x-gateway_secret: victim",
    "X-Request-ID: victim",
    "X-Mcpist-Client-Id: victim",
    "X-Mcpist-Attempt: victim",
    "X_Mcpist_Anything: victim",
    "X-Forwarded-Host: victim",
    "Connection: X-Gateway-Secret, keep-alive\r\nX-Gateway-Secret: victim",
    "Connection: X-User-ID",
    "Proxy-Authorization: victim",
    "Forwarded: for=victim",
    "Cookie: victim",
    "CF-Connecting-IP: victim",
    "CF-Worker: victim",
    "Transfer-Encoding : victim",
  ])("%j never reaches an origin", async (line) => {
    const sub = newUser();
    const answer = await raw(await request([line], { sub }));
    expect(statuses(answer)).toHaveLength(1);
    for (const seen of session.koyeb.seen) {
      expect(JSON.stringify(seen.rawHeaders)).not.toContain("victim");
      for (const [name, value] of [
        ["x-user-id", sub],
        ["x-gateway-secret", SECRET],
      ] as const) {
        expect(
          seen.rawHeaders.filter((_, i) => i % 2 === 0 && seen.rawHeaders[i]?.toLowerCase() === name),
        ).toHaveLength(1);
        expect(seen.headers[name]).toBe(value);
      }
    }
  });

  it("are reported by their folded name", async () => {
    const odd = "X_Mcpist-Only.Here";
    await raw(await request([`${odd}: victim`]));
    expect(session.gateway.events).toContainEqual(
      expect.objectContaining({ event: "header_spoof", reason: "xmcpistonlyhere" }),
    );
  });

  it("leave the header lines for hop-by-hop use out of the request", async () => {
    await raw(
      await request([
        "Connection: keep-alive, X-Foo",
        "X-Foo: victim",
        "TE: trailers",
        "Upgrade: h2c",
        "Keep-Alive: timeout=5",
      ]),
    );
    const [seen] = session.koyeb.seen;
    for (const name of ["x-foo", "te", "upgrade", "keep-alive"]) expect(seen?.headers).not.toHaveProperty(name);
  });

  it("two Authorization headers are refused, whichever is good", async () => {
    const good = await session.token();
    for (const second of ["Bearer a.b.c", `Bearer ${good}`, "Basic eDp5"]) {
      const answer = await raw(await request([`Authorization: ${second}`]));
      expect(statuses(answer)).toEqual(["400"]);
    }
    expect(session.koyeb.seen).toEqual([]);
  });

  it("32 KiB of headers and more are refused", async () => {
    const answer = await raw(await request([`X-Padding: ${"x".repeat(33_000)}`]));
    expect(["431", "400"]).toContain(statuses(answer)[0]);
    const huge = await raw(await request([`X-Padding: ${"x".repeat(400_000)}`])).catch(() => "HTTP/1.1 431");
    expect(["431", "400", undefined]).toContain(statuses(huge)[0]);
    expect(session.koyeb.seen).toEqual([]);
  });
});

describe("connections", () => {
  it("survive a refusal: the body that nobody wanted does not become a reset", async () => {
    const { port } = new URL(session.gateway.url);
    const socket = connect(Number(port), "127.0.0.1");
    let answer = "";
    socket.on("data", (chunk) => (answer += chunk.toString()));
    socket.on("error", () => undefined);
    for (let round = 1; round <= 3; round++) {
      socket.write(await request([], { authorization: false }));
      await expect.poll(() => statuses(answer).length === round || socket.closed, { interval: 10 }).toBe(true);
    }
    expect([statuses(answer), socket.closed]).toEqual([["401", "401", "401"], false]);
    socket.destroy();
  });
});

describe("one connection, two readings", () => {
  const smuggled = "POST /mcp HTTP/1.1\r\nHost: x\r\nX-User-ID: victim\r\n\r\n";
  it.each<[string, readonly string[], string]>([
    [
      "Content-Length and Transfer-Encoding",
      ["Content-Length: 5", "Transfer-Encoding: chunked"],
      `0\r\n\r\n${smuggled}`,
    ],
    ["two Content-Lengths", ["Content-Length: 5", `Content-Length: ${BODY.length}`], BODY],
    ["Content-Length with a sign", ["Content-Length: +5"], BODY],
    ["an unknown Transfer-Encoding", ["Transfer-Encoding: xchunked"], `0\r\n\r\n${smuggled}`],
    ["Transfer-Encoding twice", ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], `0\r\n\r\n${smuggled}`],
    ["a space before the colon", ["Content-Length : 5"], BODY],
    ["a folded line", ["X-Folded: a", " X-User-ID: victim"], BODY],
    ["a bad chunk size", ["Transfer-Encoding: chunked"], `zz\r\n${BODY}\r\n0\r\n\r\n`],
    ["a chunk that is longer than it says", ["Transfer-Encoding: chunked"], `3\r\n${BODY}\r\n0\r\n\r\n${smuggled}`],
    ["a zero byte in a name", ["X-User\0-ID: victim"], BODY],
    ["a bare line feed", [`X-A: b\nX-User-ID: victim`], BODY],
  ])("%s gives no origin a request of somebody else", async (_, lines, body) => {
    const answer = await raw(await request(lines, { body, length: false })).catch(() => "");
    for (const seen of session.koyeb.seen) {
      expect(JSON.stringify(seen.rawHeaders)).not.toContain("victim");
      expect(seen.headers["x-user-id"]).toMatch(/^11111111-/);
    }
    // What follows on the connection has no token of its own and gets nowhere.
    expect(
      statuses(answer)
        .slice(1)
        .every((status) => status !== "200"),
    ).toBe(true);
  });
});
