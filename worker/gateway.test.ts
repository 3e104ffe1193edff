/** The Worker in workerd, from the outside: what a client, an operator and an origin see. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseWorkerObservation } from "../contract/observation.ts";
import {
  answers,
  SECRET,
  startGateway,
  startIssuer,
  startOrigin,
  type TestGateway,
  type TestIssuer,
  type TestOrigin,
} from "./test/gateway.ts";
import { configOf } from "./test/config.ts";
import { claimsAt, ISSUER, RESOURCE, signToken } from "./test/tokens.ts";

const CALL = { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "call", arguments: {} } };
let issuer: TestIssuer;
let koyeb: TestOrigin;
let fly: TestOrigin;
let gateway: TestGateway;
let user = 0;

/** Every test has its own user, so that limits of one do not meet another. */
const newUser = (): string => `11111111-2222-4333-8444-${String(++user).padStart(12, "0")}`;
const tokenFor = (sub: string): Promise<string> => signToken(issuer.key, claimsAt(Math.floor(Date.now() / 1000), { sub }));
const post = async (token: string | null, headers: Record<string, string> = {}, body: unknown = CALL): Promise<Response> =>
  fetch(`${gateway.url}/mcp`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
    body: JSON.stringify(body),
  });

beforeAll(async () => {
  [issuer, koyeb, fly] = await Promise.all([startIssuer(), startOrigin("koyeb"), startOrigin("fly")]);
  gateway = await startGateway({
    config: configOf(
      [koyeb, fly].map(({ url }, i) => ({ name: i === 0 ? "koyeb" : "fly", url })),
      issuer.url,
    ),
  });
});
beforeEach(() => {
  koyeb.behave = answers("koyeb");
  fly.behave = answers("fly");
});
afterEach(() => {
  for (const seen of [koyeb.seen, fly.seen, gateway.events, gateway.output]) seen.length = 0;
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([koyeb.close(), fly.close(), issuer.origin.close()]);
});

describe("gateway", () => {
  it("serves an authenticated call from the first origin with trusted headers of its own", async () => {
    const sub = newUser();
    const token = await tokenFor(sub);
    const response = await post(token, {
      "x-user-id": "somebody-else",
      "x-gateway-secret": "guess",
      "x-request-id": "mine",
      cookie: "a=b",
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ result: { servedBy: "koyeb" } });
    const headers = koyeb.seen[0]?.headers ?? {};
    expect(headers["x-user-id"]).toBe(sub);
    expect(headers["x-gateway-secret"]).toBe(SECRET);
    expect(headers["x-request-id"]).toBe(response.headers.get("x-request-id"));
    expect(headers["x-mcpist-attempt"]).toBe("1");
    expect(headers["accept-encoding"]).toBe("identity");
    expect(headers.authorization).toBeUndefined();
    expect(headers.cookie).toBeUndefined();
  });

  it("refuses a request without a token and says where to get one", async () => {
    const response = await post(null);
    expect(response.status).toBe(401);
    const challenge = response.headers.get("www-authenticate") ?? "";
    expect(challenge).not.toContain("error=");
    const metadata = /resource_metadata="([^"]+)"/.exec(challenge)?.[1];
    expect(metadata).toBe("https://mcp.example.com/.well-known/oauth-protected-resource/mcp");
    expect(koyeb.seen).toEqual([]);
  });

  it.each(["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"])(
    "describes the resource at %s",
    async (path) => {
      const response = await fetch(gateway.url + path);
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
      expect(await response.json()).toMatchObject({
        resource: RESOURCE,
        authorization_servers: [ISSUER],
        bearer_methods_supported: ["header"],
      });
    },
  );

  it("goes to the second origin with the same request id when the first fails", async () => {
    koyeb.behave = (request) => void request.socket.destroy();
    const response = await post(await tokenFor(newUser()));
    expect(await response.json()).toMatchObject({ result: { servedBy: "fly" } });
    expect(fly.seen[0]?.headers["x-mcpist-attempt"]).toBe("2");
    expect(fly.seen[0]?.headers["x-request-id"]).toBe(koyeb.seen[0]?.headers["x-request-id"]);
    expect(gateway.events).toContainEqual(expect.objectContaining({ event: "origin_failed", origin: "koyeb", reason: "network" }));
  });

  it("raises an alarm and does not fail over when an origin refuses the gateway secret", async () => {
    koyeb.behave = (_request, response) =>
      void response.writeHead(403, { "x-mcpist-origin": "koyeb", "x-mcpist-deny": "gateway_secret" }).end();
    const response = await post(await tokenFor(newUser()));
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: 50202, data: { reason: "route.secret" } } });
    expect(fly.seen).toEqual([]);
    expect(gateway.events).toContainEqual(
      expect.objectContaining({ event: "origin_secret_rejected", severity: "critical", origin: "koyeb" }),
    );
  });

  it("admits a burst of five and refuses the rest with the time to wait", async () => {
    const token = await tokenFor(newUser());
    const responses = await Promise.all(Array.from({ length: 12 }, () => post(token)));
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(5);
    const refused = responses.find(({ status }) => status === 429);
    expect(refused?.headers.get("retry-after")).toBe("1");
    expect(refused?.headers.get("ratelimit-policy")).toBe('"burst";q=5;w=1');
    expect(await refused?.json()).toMatchObject({ error: { code: 42903, data: { reason: "user.burst", retryAfterSeconds: 1 } } });
  });

  it("never writes a token, the secret or a body to its log", async () => {
    const token = await tokenFor(newUser());
    koyeb.behave = (request) => void request.socket.destroy();
    await post(token, {}, { ...CALL, params: { name: "call", arguments: { canary: "do-not-log" } } });
    await post(`${token.slice(0, -4)}AAAA`);
    const output = gateway.output.join("\n");
    expect(gateway.events.length).toBeGreaterThan(1);
    for (const canary of [token, token.split(".")[1] ?? token, SECRET, "do-not-log", "127.0.0.1"]) expect(output).not.toContain(canary);
  });
});

describe("observation", () => {
  it("says which kid this version sends", async () => {
    const response = await fetch(`${gateway.url}/.well-known/mcpist/gateway`);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const observation = parseWorkerObservation(await response.json());
    expect(observation).toMatchObject({ kid: "54c89601b4bd7a07", deployment: "00000000-0000-4000-8000-000000000001", lastAccepted: {} });
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
    fly.behave = (_request, response) => void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(seen));
    const response = await fetch(`${gateway.url}/.well-known/mcpist/gateway?origin=fly`);
    expect(parseWorkerObservation(await response.json())?.via).toEqual({ origin: "fly", status: 200, observation: seen });
    expect(fly.seen[0]).toMatchObject({ url: "/.well-known/mcpist/gateway", headers: { "x-gateway-secret": SECRET } });
    expect(koyeb.seen).toEqual([]);
  });

  it("knows configured names only", async () => {
    const response = await fetch(`${gateway.url}/.well-known/mcpist/gateway?origin=https://evil.example`);
    expect(response.status).toBe(404);
  });
});

describe("gateway without a usable secret or configuration", () => {
  it.each([
    ["no secret", { secret: null }, null],
    ["a secret of the wrong shape", { secret: "password" }, null],
    ["no configuration", { config: null }, "54c89601b4bd7a07"],
  ])("answers 503 on /mcp and still observes: %s", async (_, options, kid) => {
    const lame = await startGateway({ config: configOf([{ name: "koyeb", url: koyeb.url }], issuer.url), ...options });
    try {
      const response = await fetch(`${lame.url}/mcp`, { method: "POST" });
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ error: { code: 50300, data: { reason: "config.invalid" } } });
      const observation = parseWorkerObservation(await (await fetch(`${lame.url}/.well-known/mcpist/gateway`)).json());
      expect(observation).toMatchObject({ role: "worker", kid });
      expect(koyeb.seen).toEqual([]);
    } finally {
      await lame.close();
    }
  });
});
