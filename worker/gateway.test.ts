/** The Worker in workerd, from the outside: what a client, an operator and an origin see. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseWorkerObservation } from "../contract/observation.ts";
import { configOf } from "./test/config.ts";
import { SECRET, startGateway } from "./test/gateway.ts";
import { CALL, fetchAlone, newUser, startSession, type Session } from "./test/session.ts";
import { ISSUER, RESOURCE } from "./test/tokens.ts";

let session: Session;
beforeAll(async () => {
  session = await startSession();
});
beforeEach(() => session.reset());
afterAll(() => session.close());

describe("gateway", () => {
  it("serves an authenticated call from the first origin with trusted headers of its own", async () => {
    const sub = newUser();
    const token = await session.token({ sub });
    const response = await session.post(token, {
      "x-user-id": "somebody-else",
      "x-gateway-secret": "guess",
      "x-request-id": "mine",
      cookie: "a=b",
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ result: { servedBy: "koyeb" } });
    const headers = session.koyeb.seen[0]?.headers ?? {};
    expect(headers["x-user-id"]).toBe(sub);
    expect(headers["x-gateway-secret"]).toBe(SECRET);
    expect(headers["x-request-id"]).toBe(response.headers.get("x-request-id"));
    expect(headers["x-mcpist-attempt"]).toBe("1");
    expect(headers["accept-encoding"]).toBe("identity");
    expect(headers.authorization).toBeUndefined();
    expect(headers.cookie).toBeUndefined();
  });

  it("refuses a request without a token and says where to get one", async () => {
    const response = await session.post(null);
    expect(response.status).toBe(401);
    const challenge = response.headers.get("www-authenticate") ?? "";
    expect(challenge).not.toContain("error=");
    const metadata = /resource_metadata="([^"]+)"/.exec(challenge)?.[1];
    expect(metadata).toBe("https://mcp.example.com/.well-known/oauth-protected-resource/mcp");
    expect(session.koyeb.seen).toEqual([]);
  });

  it.each(["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"])(
    "describes the resource at %s",
    async (path) => {
      const response = await fetchAlone(session.gateway.url + path);
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
      expect(await response.json()).toMatchObject({
        resource: RESOURCE,
        authorization_servers: [ISSUER],
        bearer_methods_supported: ["header"],
      });
    },
  );

  it("goes to the second origin with the same request id when the first fails", async () => {
    session.koyeb.behave = (request) => void request.socket.destroy();
    const response = await session.post(await session.token());
    expect(await response.json()).toMatchObject({ result: { servedBy: "fly" } });
    expect(session.fly.seen[0]?.headers["x-mcpist-attempt"]).toBe("2");
    expect(session.fly.seen[0]?.headers["x-request-id"]).toBe(session.koyeb.seen[0]?.headers["x-request-id"]);
    expect(session.gateway.events).toContainEqual(
      expect.objectContaining({ event: "origin_failed", origin: "koyeb", reason: "network" }),
    );
  });

  it("raises an alarm and does not fail over when an origin refuses the gateway secret", async () => {
    session.koyeb.behave = (_request, response) =>
      void response.writeHead(403, { "x-mcpist-origin": "koyeb", "x-mcpist-deny": "gateway_secret" }).end();
    const response = await session.post(await session.token());
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: 50202, data: { reason: "route.secret" } } });
    expect(session.fly.seen).toEqual([]);
    expect(session.gateway.events).toContainEqual(
      expect.objectContaining({ event: "origin_secret_rejected", severity: "critical", origin: "koyeb" }),
    );
  });

  it("starts the calls of one turn at once and refuses what is far beyond with their own id", async () => {
    const token = await session.token();
    const started = Date.now();
    const responses = await Promise.all(
      Array.from({ length: 60 }, (_, id) => session.post(token, {}, { ...CALL, id: `call-${id}` })),
    );
    const seconds = (Date.now() - started) / 1000;
    const admitted = responses.filter(({ status }) => status === 200).length;
    expect(admitted).toBeGreaterThanOrEqual(35);
    expect(admitted).toBeLessThanOrEqual(30 + 5 * (seconds + 1));
    const at = responses.findIndex(({ status }) => status === 429);
    const refused = responses[at];
    expect([refused?.headers.get("retry-after"), refused?.headers.get("ratelimit-policy")]).toEqual([
      expect.stringMatching(/^[12]$/),
      '"burst";q=30;w=6',
    ]);
    expect(await refused?.json()).toMatchObject({
      id: `call-${at}`,
      error: { code: 42903, data: { reason: "user.burst" } },
    });
    // Whoever went too far at one moment is not blocked for it.
    expect(responses.filter(({ status }) => status !== 200 && status !== 429)).toEqual([]);
    expect(session.gateway.events.filter(({ event }) => event === "user_blocked")).toEqual([]);
  });

  it.each([301, 302, 307, 308])("never follows an origin's %i with its secret", async (status) => {
    session.koyeb.behave = (_request, response) =>
      void response.writeHead(status, { location: `${session.fly.url}/stolen`, "x-mcpist-origin": "koyeb" }).end();
    await session.post(await session.token());
    expect(session.fly.seen.map(({ url }) => url)).toEqual(["/mcp"]);
  });

  it.each(["/", "/health", "/mcp", "/nothing"])("answers as an API that is never a page: %s", async (path) => {
    const response = await fetchAlone(session.gateway.url + path);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
      "strict-transport-security": "max-age=63072000; includeSubDomains; preload",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "cross-origin-resource-policy": "same-origin",
    });
  });

  it("never writes a token, the secret or a body to its log", async () => {
    const token = await session.token();
    session.koyeb.behave = (request) => void request.socket.destroy();
    await session.post(token, {}, { ...CALL, params: { name: "call", arguments: { canary: "do-not-log" } } });
    await session.post(`${token.slice(0, -4)}AAAA`);
    for (const event of ["origin_failed", "auth_failed"])
      await expect.poll(() => session.gateway.events).toContainEqual(expect.objectContaining({ event }));
    const output = session.gateway.output.join("\n");
    for (const canary of [token, token.split(".")[1] ?? token, SECRET, "do-not-log", "127.0.0.1"])
      expect(output).not.toContain(canary);
  });
});

describe("keys of the issuer", () => {
  it("are fetched once for a cold herd of a hundred users", async () => {
    const cold = await startSession();
    try {
      const tokens = await Promise.all(Array.from({ length: 100 }, () => cold.token()));
      const responses = await Promise.all(tokens.map((token) => cold.post(token)));
      expect(cold.issuer.origin.seen).toHaveLength(1);
      // On a machine that is too busy to answer within 1.5 s, waiting in vain is 503 and never 401.
      const statuses = responses.map(({ status }) => status);
      expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
      expect((await cold.post(await cold.token())).status).toBe(200);
    } finally {
      await cold.close();
    }
  });

  it("that cannot be had are our trouble: 503 with a time to wait, and no 401", async () => {
    const cold = await startSession();
    try {
      cold.issuer.origin.behave = (_request, response) => void response.writeHead(500).end();
      const token = await cold.token();
      const started = Date.now();
      const responses = await Promise.all(Array.from({ length: 30 }, () => cold.post(token)));
      for (const { status, headers } of responses) expect([status, headers.get("retry-after")]).toEqual([503, "5"]);
      // After a second they are asked for once more.
      expect(cold.issuer.origin.seen.length).toBeLessThanOrEqual(1 + Math.floor((Date.now() - started) / 1000));
      expect(cold.issuer.origin.seen).not.toEqual([]);
    } finally {
      await cold.close();
    }
  });
});

describe("limits per address", () => {
  /** Asks until it is too much: the runtime counts anew when the clock's minute changes, so no number of requests surely is. */
  const refusal = (ask: () => Promise<Response>) =>
    expect.poll(
      async () => {
        const { status, headers } = await ask();
        return [status, headers.get("retry-after"), headers.get("ratelimit-policy")];
      },
      { interval: 5 },
    );

  it("shields before authentication and slows down guessing, without keeping good tokens out", async () => {
    const narrow = await startSession({}, { perIpPerMinute: 20, failedAuthPerMinute: 3 });
    try {
      const good = await narrow.token();
      const bad = `${good.slice(0, -8)}AAAAAAAA`;
      expect((await narrow.post(bad)).status).toBe(401);
      await refusal(() => narrow.post(bad)).toEqual([429, "60", '"auth";q=60;w=60']);
      expect((await narrow.post(good)).status).toBe(200);
      const expired = await narrow.token({ exp: Math.floor(Date.now() / 1000) - 60 });
      expect((await narrow.post(expired)).status).toBe(401);
      await refusal(() => narrow.post(null)).toEqual([429, "60", '"address";q=1000;w=60']);
    } finally {
      await narrow.close();
    }
  });
});

describe("what an address asks for", () => {
  it.each([
    ["/.well-known/oauth-protected-resource", "/.well-known/mcpist/gateway"],
    ["/.well-known/mcpist/gateway", "/.well-known/oauth-protected-resource"],
  ])("is counted apart: whoever floods %s leaves %s and calls alone", async (flooded, other) => {
    const narrow = await startSession({}, { perIpPerMinute: 5 });
    try {
      const { url } = narrow.gateway;
      expect((await fetchAlone(url + flooded)).status).toBe(200);
      await expect.poll(async () => (await fetchAlone(url + flooded)).status).toBe(429);
      expect((await fetchAlone(url + other)).status).toBe(200);
      expect((await narrow.post(null)).status).toBe(401);
    } finally {
      await narrow.close();
    }
  });
});

describe("health check", () => {
  it("asks every origin for its readiness with the secret and writes a change once", async () => {
    const kv = (await session.gateway.miniflare.getKVNamespace("KV")) as unknown as {
      get(key: string): Promise<string | null>;
    };
    const worker = await session.gateway.miniflare.getWorker();
    await worker.scheduled({ cron: "* * * * *" });
    expect(session.koyeb.asked.at(-1)).toMatchObject({
      method: "GET",
      url: "/health/ready",
      headers: { "x-gateway-secret": SECRET },
    });
    expect(await kv.get("org:koyeb")).toBeNull();
    session.koyeb.whenAsked = (_request, response) => void response.writeHead(503).end();
    await worker.scheduled({ cron: "* * * * *" });
    expect(JSON.parse((await kv.get("org:koyeb")) ?? "null")).toMatchObject({ state: "down", reason: "503" });
    expect(await kv.get("org:fly")).toBeNull();
    session.koyeb.whenAsked = (_request, response) => void response.writeHead(200).end();
    await worker.scheduled({ cron: "* * * * *" });
    expect(JSON.parse((await kv.get("org:koyeb")) ?? "null")).toMatchObject({ state: "up" });
  });
});

describe("observation", () => {
  it("says which kid this version sends", async () => {
    const response = await fetchAlone(`${session.gateway.url}/.well-known/mcpist/gateway`);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const observation = parseWorkerObservation(await response.json());
    expect(observation).toMatchObject({
      kid: "54c89601b4bd7a07",
      deployment: "00000000-0000-4000-8000-000000000001",
      lastAccepted: {},
    });
  });

  it("asks the named origin with its own secret and no failover", async () => {
    const seen = {
      role: "origin",
      instanceId: "i-1",
      deployment: "d-1",
      kids: { a: "54c89601b4bd7a07", b: null },
      lastAccepted: {},
      accepted: true,
    };
    session.fly.behave = (_request, response) =>
      void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(seen));
    const response = await fetchAlone(`${session.gateway.url}/.well-known/mcpist/gateway?origin=fly`);
    expect(parseWorkerObservation(await response.json())?.via).toEqual({
      origin: "fly",
      status: 200,
      observation: seen,
    });
    expect(session.fly.seen[0]).toMatchObject({
      url: "/.well-known/mcpist/gateway",
      headers: { "x-gateway-secret": SECRET },
    });
    expect(session.koyeb.seen).toEqual([]);
  });

  it("knows configured names only", async () => {
    const response = await fetchAlone(`${session.gateway.url}/.well-known/mcpist/gateway?origin=https://evil.example`);
    expect(response.status).toBe(404);
  });
});

describe("gateway without a usable secret or configuration", () => {
  it.each([
    ["no secret", { secret: null }, null],
    ["a secret of the wrong shape", { secret: "password" }, null],
    ["no configuration", { config: null }, "54c89601b4bd7a07"],
  ])("answers 503 on /mcp and still observes: %s", async (_, options, kid) => {
    const lame = await startGateway({
      config: configOf([{ name: "koyeb", url: session.koyeb.url }], session.issuer.url),
      ...options,
    });
    try {
      const response = await fetchAlone(`${lame.url}/mcp`, { method: "POST" });
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ error: { code: 50300, data: { reason: "config.invalid" } } });
      const observation = parseWorkerObservation(
        await (await fetchAlone(`${lame.url}/.well-known/mcpist/gateway`)).json(),
      );
      expect(observation).toMatchObject({ role: "worker", kid });
      expect(session.koyeb.seen).toEqual([]);
    } finally {
      await lame.close();
    }
  });
});
