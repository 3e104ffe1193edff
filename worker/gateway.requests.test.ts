/** What may come in through the Worker in workerd: schemes, web origins, revisions of MCP, bodies of every size. */
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startOrigin, type TestOrigin } from "./test/gateway.ts";
import { CALL, MODERN, fetchAlone, newUser, startSession, type Session } from "./test/session.ts";
import { claimsAt, signToken } from "./test/tokens.ts";

let session: Session;
beforeAll(async () => {
  session = await startSession();
});
beforeEach(() => session.reset());
afterAll(() => session.close());

describe("without TLS, as the edge tells it", () => {
  const plain = { "cf-visitor": '{"scheme":"http"}' };
  it("sends people at / to https", async () => {
    const response = await fetchAlone(`${session.gateway.url}/`, { headers: plain, redirect: "manual" });
    expect([response.status, response.headers.get("location")]).toEqual([
      308,
      `https://${new URL(session.gateway.url).host}/`,
    ]);
    expect(response.headers.get("strict-transport-security")).toContain("max-age");
  });

  it("refuses programs, a good token or not", async () => {
    const response = await session.post(await session.token(), plain);
    expect(response.status).toBe(404);
    expect(session.koyeb.seen).toEqual([]);
  });
});

describe("web origins", () => {
  it("lets a listed page ask and read, refusals included", async () => {
    const origin = "https://app.example.com";
    const preflight = await fetchAlone(`${session.gateway.url}/mcp`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,mcp-param-module",
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe(origin);
    expect(preflight.headers.get("access-control-allow-headers")?.split(", ")).toEqual([
      "authorization",
      "accept",
      "content-type",
      "mcp-protocol-version",
      "traceparent",
      "tracestate",
      "mcp-method",
      "mcp-name",
      "mcp-param-module",
      "mcp-param-tool",
      "mcp-session-id",
      "last-event-id",
    ]);
    expect(preflight.headers.get("access-control-allow-credentials")).toBeNull();
    const [served, refused] = await Promise.all([
      session.post(await session.token(), { origin }),
      session.post(null, { origin }),
    ]);
    for (const response of [served, refused]) {
      expect(response.headers.get("access-control-allow-origin")).toBe(origin);
      expect(response.headers.get("access-control-expose-headers")).toContain("WWW-Authenticate");
      expect(response.headers.get("vary")).toContain("Origin");
    }
  });

  it("lets a listed page read that there is no GET and no DELETE, and no other page", async () => {
    const origin = "https://app.example.com";
    const preflight = await fetchAlone(`${session.gateway.url}/mcp`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "GET", "access-control-request-headers": "authorization" },
    });
    for (const method of ["GET", "DELETE"]) {
      expect(preflight.headers.get("access-control-allow-methods")).toContain(method);
      const refused = await fetchAlone(`${session.gateway.url}/mcp`, { method, headers: { origin } });
      expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([405, origin]);
      const stranger = await fetchAlone(`${session.gateway.url}/mcp`, {
        method,
        headers: { origin: "https://evil.test" },
      });
      expect([stranger.status, stranger.headers.get("access-control-allow-origin")]).toEqual([403, null]);
    }
  });

  it.each(["https://evil.test", "null", "http://localhost"])(
    "refuses a page from %s before anything else",
    async (origin) => {
      const response = await session.post(await session.token(), { origin });
      expect(response.status).toBe(403);
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
      expect(await response.json()).toMatchObject({ error: { code: 40300 } });
      expect(session.koyeb.seen).toEqual([]);
      expect((await fetchAlone(`${session.gateway.url}/mcp`, { method: "OPTIONS", headers: { origin } })).status).toBe(
        403,
      );
    },
  );
});

describe("MCP revisions", () => {
  it("forwards the mirrored headers of a modern request, unknown parameters included, and does not touch the body", async () => {
    const headers = { ...MODERN, "mcp-param-module": "github", "mcp-param-unknown": "=?base64?w6Q=?=" };
    const body = '{ "jsonrpc": "2.0",  "id": 1, "method": "tools/call", "params": {"name":"call"} }';
    const response = await session.post(await session.token(), headers, body);
    expect(response.status).toBe(200);
    expect(session.koyeb.seen[0]).toMatchObject({ headers, body });
  });

  it("drops mirrored headers of a legacy request and classes it by its body", async () => {
    session.koyeb.behave = (request) => void request.socket.destroy();
    session.fly.behave = (_request, response) =>
      void response.writeHead(409, { "x-mcpist-origin": "fly", "x-mcpist-claim": "in_progress" }).end("{}");
    const lying = {
      "mcp-protocol-version": "2025-11-25",
      "mcp-method": "tools/list",
      "mcp-param-module": "x",
      "mcp-session-id": "s",
    };
    const response = await session.post(await session.token(), lying);
    expect(await response.json()).toMatchObject({ id: 7, error: { code: 50203, data: { mayHaveExecuted: true } } });
    for (const name of ["mcp-method", "mcp-param-module", "mcp-session-id"])
      expect(session.koyeb.seen[0]?.headers).not.toHaveProperty(name);
    expect(session.koyeb.seen[0]?.headers["mcp-protocol-version"]).toBe("2025-11-25");
  });

  it.each([
    ["a batch", "[{}]", 400, -32600],
    ["a batch behind a byte order mark", "\uFEFF [{}]", 400, -32600],
    ["text that is not JSON", "{", 400, -32700],
  ])("refuses %s of a legacy client and executes nothing", async (_, body, status, code) => {
    const response = await session.post(await session.token(), { "mcp-protocol-version": "2025-03-26" }, body);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code } });
    expect(session.koyeb.seen).toEqual([]);
  });

  it("refuses a large legacy batch by its first character", async () => {
    const response = await session.post(await session.token(), {}, ` \n[${"1,".repeat(200_000)}1]`);
    expect(await response.json()).toMatchObject({ error: { code: -32600 } });
    expect(session.koyeb.seen).toEqual([]);
  });

  it.each([{}, { "mcp-method": "tools/call" }])(
    "refuses a modern request whose headers do not say what it is: %j",
    async (headers) => {
      const response = await session.post(await session.token(), { "mcp-protocol-version": "2026-07-28", ...headers });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: -32020 } });
      expect(session.koyeb.seen).toEqual([]);
    },
  );

  it.each([
    [400, { code: -32020 }],
    [400, { code: -32022 }],
    [404, { code: -32601 }],
    [429, { code: 42905 }],
  ])("passes an origin's %i %j through unharmed", async (status, error) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 7, error });
    session.koyeb.behave = (_request, response) =>
      void response
        .writeHead(status, {
          "content-type": "application/json",
          "x-mcpist-origin": "koyeb",
          "ratelimit-policy": '"plan";q=30;w=60',
        })
        .end(body);
    const response = await session.post(await session.token(), MODERN);
    expect([response.status, await response.text()]).toEqual([status, body]);
    expect(response.headers.get("ratelimit-policy")).toBe('"burst";q=30;w=6, "plan";q=30;w=60');
    expect(session.fly.seen).toEqual([]);
  });
});

describe("bodies", () => {
  const text = (size: number): string => JSON.stringify({ ...CALL, padding: "x".repeat(size) });
  /** Without a declared length. */
  const chunked = (body: string): RequestInit => ({ body: new Blob([body]).stream(), duplex: "half" }) as RequestInit;

  it("passes a body of almost 4 MiB through, declared or not", async () => {
    const body = text(4 * 1024 * 1024 - 200);
    for (const init of [{}, chunked(body)]) {
      const response = await session.post(await session.token(), MODERN, body, init);
      expect(response.status).toBe(200);
    }
    expect(session.koyeb.seen.map((seen) => seen.body.length)).toEqual([body.length, body.length]);
  });

  it("refuses a body that says it is too large, before it is sent anywhere", async () => {
    const headers = { "content-type": "application/json", "content-length": String(4 * 1024 * 1024 + 1) };
    const status = await new Promise((resolve) => {
      const request = httpRequest(`${session.gateway.url}/mcp`, { method: "POST", headers }, (response) =>
        resolve(response.statusCode),
      );
      request.on("error", resolve);
      request.flushHeaders();
    });
    expect(status).toBe(413);
    expect(session.koyeb.seen).toEqual([]);
  });

  it("cuts off a body that turns out to be too large, and no origin gets a whole request", async () => {
    const response = await session.post(await session.token(), MODERN, "", chunked(text(5 * 1024 * 1024)));
    expect(response.status).toBe(413);
    expect(session.koyeb.seen).toEqual([]);
    expect(session.gateway.events.map(({ event }) => event)).not.toContain("origin_failed");
  });
});

describe("what is said in another way than usual", () => {
  it.each([
    [{ "content-type": "application/json; charset=us-ascii; v=1" }, "application/json"],
    [{ "content-type": "Application/JSON, application/json" }, "application/json"],
  ])("reaches an origin as JSON: %j", async (headers, type) => {
    const response = await session.post(await session.token(), headers);
    expect([response.status, session.koyeb.seen[0]?.headers["content-type"]]).toEqual([200, type]);
  });

  it("is the version, sent twice", async () => {
    const response = await session.post(await session.token(), { "mcp-protocol-version": "2025-06-18, 2025-06-18" });
    expect([response.status, session.koyeb.seen[0]?.headers["mcp-protocol-version"]]).toEqual([200, "2025-06-18"]);
  });

  it("is the scheme with more than one space", async () => {
    const response = await session.post(null, { authorization: `bearer   ${await session.token()}` });
    expect(response.status).toBe(200);
  });

  it.each(["application/at+jwt", "APPLICATION/AT+JWT", "at+jwt"])("is the type of a token: %s", async (typ) => {
    const claims = claimsAt(Math.floor(Date.now() / 1000), { sub: newUser() });
    const response = await session.post(await signToken(session.issuer.key, claims, { typ }));
    expect(response.status).toBe(200);
  });
});

describe("a refusal is true and helps", () => {
  const SUPPORTED = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2024-10-07"];

  it.each([
    ["tools/list", "2099-01-01"],
    ["initialize", "2099-01-01"],
    ["tools/list", "garbage"],
    ["tools/list", "DRAFT-2026-v1"],
    ["ping", "2025-01-01"],
  ])("%s in version %s is told which versions there are, whatever else is missing", async (method, requested) => {
    const body = { jsonrpc: "2.0", id: "v", method };
    const response = await session.post(await session.token(), { "mcp-protocol-version": requested }, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      id: "v",
      error: { code: -32022, data: { supported: SUPPORTED, requested } },
    });
    expect(session.koyeb.seen).toEqual([]);
  });

  it.each(["/", "/health", "/.well-known/oauth-protected-resource/mcp", "/mcp//", "/sse", "/MCP"])(
    "a message to %s is told where the endpoint is",
    async (path) => {
      const response = await fetchAlone(session.gateway.url + path, { method: "POST", body: JSON.stringify(CALL) });
      const { error } = (await response.json()) as { readonly error: { readonly message: string } };
      expect(error.message).toContain("The MCP endpoint is POST /mcp.");
    },
  );

  it.each([
    ["gzip", "identity", "Send the body without content encoding."],
    ["", null, "Send the body as application/json."],
  ])(
    "a body with content encoding %j and a wrong type has one cause at a time",
    async (encoding, accepted, message) => {
      const headers = encoding === "" ? { "content-type": "text/plain" } : { "content-encoding": encoding };
      const response = await session.post(await session.token(), headers);
      expect([response.status, response.headers.get("accept-encoding")]).toEqual([415, accepted]);
      expect(await response.json()).toMatchObject({ error: { message } });
    },
  );

  it.each(["42", '"x"', "null", "true"])("%s is JSON and no message", async (body) => {
    const response = await session.post(await session.token(), {}, body);
    expect([response.status, await response.json()]).toMatchObject([400, { id: null, error: { code: -32600 } }]);
  });

  it("a batch of revision 2025-03-26 is not told that there are none", async () => {
    const headers = { "mcp-protocol-version": "2025-03-26" };
    const response = await session.post(await session.token(), headers, JSON.stringify([CALL, CALL]));
    expect(await response.json()).toMatchObject({
      error: { code: -32600, message: "This service takes no batches: send each JSON-RPC message by itself." },
    });
  });

  it("a modern request without its headers is refused under its own id", async () => {
    const response = await session.post(await session.token(), { "mcp-protocol-version": "2026-07-28" });
    expect(await response.json()).toMatchObject({ id: 7, error: { code: -32020 } });
  });
});

describe("metadata of the authorization server, where clients of 2025-03-26 look for it", () => {
  const PATHS = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"].flatMap((path) => [
    path,
    `${path}/mcp`,
    `/mcp${path}`,
  ]);
  const TEXT = '{"issuer": "ISSUER/auth/v1",\n "registration_endpoint": "ISSUER/register"}';
  let server: TestOrigin;
  let own: Session;
  let status = 200;
  beforeAll(async () => {
    server = await startOrigin("issuer", (request, response) => {
      const found = request.url === "/.well-known/oauth-authorization-server/auth/v1" ? status : 404;
      response.writeHead(found, { "content-type": "application/json" }).end(TEXT.replaceAll("ISSUER", server.url));
    });
    own = await startSession({ issuer: `${server.url}/auth/v1` });
  });
  afterAll(async () => {
    await own.close();
    await server.close();
  });

  it("is the issuer's, byte for byte and for every page, and asked for once", async () => {
    const before = server.seen.length;
    for (const path of PATHS) {
      const response = await fetchAlone(own.gateway.url + path, { headers: { origin: "https://anywhere.example" } });
      expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
      expect(response.headers.get("content-type")).toBe("application/json");
      expect(await response.text()).toBe(TEXT.replaceAll("ISSUER", server.url));
    }
    expect(server.seen.length - before).toBe(1);
    const head = await fetchAlone(own.gateway.url + (PATHS[0] ?? ""), { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const preflight = await fetchAlone(own.gateway.url + (PATHS[0] ?? ""), { method: "OPTIONS" });
    expect(preflight.headers.get("access-control-allow-headers")).toBe("MCP-Protocol-Version");
  });

  it("is 503 with a time to wait when the issuer cannot be reached, and a page may read that", async () => {
    status = 500;
    const cold = await startSession({ issuer: `${server.url}/auth/v1` });
    try {
      const response = await fetchAlone(cold.gateway.url + (PATHS[0] ?? ""));
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "10"]);
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
      expect(cold.gateway.events).toContainEqual(
        expect.objectContaining({ event: "issuer_unavailable", reason: "status" }),
      );
    } finally {
      status = 200;
      await cold.close();
    }
  });
});
