import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createOriginGuard } from "./guard.ts";
import { onLoopback } from "../worker/test/loopback.ts";

const SECRET = "3b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfe";
const USER = "6f1c2a34-0000-4000-8000-000000000001";
const REQUEST = "01936f3e-8a00-7000-8000-000000000001";
const guard = createOriginGuard({ origin: "own", env: { GATEWAY_SECRET_A: SECRET } });
const server = createServer((request, response) => {
  const caller = guard.admit(request, response);
  if (caller) response.end(JSON.stringify(caller));
});
let url: string;

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

const post = (headers: Record<string, string>) => fetch(`${url}/mcp`, { method: "POST", headers, body: "{}" });

describe("the guard of one's own server", () => {
  it.each(["before", "after"])("leaves a tool that shows its request's headers no secret, read %s it", async (when) => {
    const echo = createServer((request, response) => {
      const views = () => ({
        headers: request.headers,
        distinct: request.headersDistinct,
        raw: request.rawHeaders,
      });
      const early = when === "before" ? views() : null;
      if (guard.admit(request, response)) response.end(JSON.stringify(early ?? views()));
    });
    const own = await onLoopback(echo);
    const headers = { "X-Gateway-Secret": SECRET, "x-user-id": USER, "x-request-id": REQUEST, "x-other": "kept" };
    const text = await (await fetch(`${own.url}/mcp`, { method: "POST", headers, body: "{}" })).text();
    await own.close();
    expect(text).not.toMatch(new RegExp(`${SECRET}|gateway-secret`, "i"));
    expect(JSON.parse(text)).toMatchObject({
      headers: { "x-user-id": USER, "x-other": "kept" },
      raw: expect.arrayContaining(["x-other", "kept"]),
    });
  });

  it("lets the gateway in, and says who calls", async () => {
    const response = await post({ "x-gateway-secret": SECRET, "x-user-id": USER, "x-request-id": REQUEST });
    expect(response.headers.get("x-mcpist-origin")).toBe("own");
    expect(await response.json()).toMatchObject({ userId: USER, requestId: REQUEST, attempt: 1 });
  });

  it.each<[string, Record<string, string>, number, string]>([
    ["no secret", {}, 403, "gateway_secret"],
    ["an empty secret", { "x-gateway-secret": "" }, 403, "gateway_secret"],
    ["another secret", { "x-gateway-secret": SECRET.replace("3", "4") }, 403, "gateway_secret"],
    ["the secret without a caller", { "x-gateway-secret": SECRET }, 500, "identity"],
  ])("turns away %s", async (_, headers, status, reason) => {
    const response = await post(headers);
    expect([response.status, response.headers.get("x-mcpist-deny")]).toEqual([status, reason]);
    expect(await response.text()).toBe("");
  });

  it("answers the health check and the observation to everybody, without the secret", async () => {
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "ok" });
    const observed = await (await fetch(`${url}/.well-known/mcpist/gateway`)).text();
    expect(JSON.parse(observed)).toMatchObject({
      role: "origin",
      kids: { a: expect.stringMatching(/^[0-9a-f]{16}$/) },
    });
    expect(observed).not.toContain(SECRET);
  });

  it("answers the gateway's question whether it is ready, which names no user, and nobody else's", async () => {
    const ready = (headers: Record<string, string>) => fetch(`${url}/health/ready`, { headers });
    const asked = await ready({ "x-gateway-secret": SECRET });
    expect([asked.status, asked.headers.get("x-mcpist-origin")]).toEqual([200, "own"]);
    expect(await asked.json()).toEqual({ status: "ready" });
    expect((await ready({})).status).toBe(403);
    expect(
      (await fetch(`${url}/health/ready`, { method: "HEAD", headers: { "x-gateway-secret": SECRET } })).status,
    ).toBe(200);
  });

  it("says the same when it is asked twice, also for a framework's own request that has raw headers only", () => {
    const own = createOriginGuard({ origin: "own", env: { GATEWAY_SECRET_A: SECRET } });
    const rawHeaders = ["X-Gateway-Secret", SECRET, "X-User-ID", USER, "X-Request-ID", REQUEST];
    const request = { method: "POST", url: "/mcp", rawHeaders } as unknown as IncomingMessage;
    const told: number[] = [];
    const response = {
      setHeader: () => response,
      writeHead: (status: number) => (told.push(status), response),
      end: () => response,
    };
    const first = own.admit(request, response as unknown as ServerResponse);
    expect(first).not.toBeNull();
    expect(rawHeaders).not.toContain(SECRET);
    expect(own.admit(request, response as unknown as ServerResponse)).toBe(first);
    expect(told).toEqual([]);
  });

  it.each([
    ["198.51.100.0/24,2001:db8::/32", "198.51.100.7", { inside: 0, outside: null, outsideCount: 0 }],
    ["198.51.100.0/24,2001:db8::/32", "2001:db8::7", { inside: 0, outside: null, outsideCount: 0 }],
    // Cloudflare's, which is not this gateway's platform.
    ["198.51.100.0/24", "172.64.0.1", { inside: null, outside: 0, outsideCount: 1 }],
    [undefined, "172.64.0.1", { inside: 0, outside: null, outsideCount: 0 }],
    [undefined, "198.51.100.7", { inside: null, outside: 0, outsideCount: 1 }],
  ])("counts the gateway's platform by GATEWAY_RANGES: %s, asked from %s", (ranges, from, counted) => {
    const own = createOriginGuard({ origin: "own", env: { GATEWAY_SECRET_A: SECRET, GATEWAY_RANGES: ranges } });
    const ask = (path: string, headers: Record<string, string>) => {
      const rawHeaders = Object.entries(headers).flat();
      const sent: string[] = [];
      const response = { setHeader: () => response, writeHead: () => response, end: (text = "") => sent.push(text) };
      const request = {
        method: "GET",
        url: path,
        rawHeaders,
        headers: {},
        headersDistinct: {},
      } as unknown as IncomingMessage;
      own.admit(request, response as unknown as ServerResponse);
      return sent.join("");
    };
    ask("/mcp", { "x-gateway-secret": SECRET, "x-forwarded-for": from });
    const { peers } = JSON.parse(ask("/.well-known/mcpist/gateway", {})) as { peers: object };
    expect(Object.values(peers)).toEqual([counted]);
  });

  it.each(["everywhere", "192.0.2.0", "192.0.2.0/33", "192.0.2.0/24,", ""])(
    "does not start with GATEWAY_RANGES of %j",
    (ranges) => {
      expect(() =>
        createOriginGuard({ origin: "own", env: { GATEWAY_SECRET_A: SECRET, GATEWAY_RANGES: ranges } }),
      ).toThrow("GATEWAY_RANGES must be ranges like 192.0.2.0/24, with commas between");
    },
  );

  it.each(["", "Own", "own-", "a\nb"])("does not exist under the name %j, which no configuration has", (origin) => {
    expect(() => createOriginGuard({ origin, env: { GATEWAY_SECRET_A: SECRET } })).toThrow(TypeError);
  });

  it("does not exist without a gateway secret", () => {
    expect(() => createOriginGuard({ origin: "own", env: {} })).toThrow(/^no gateway secret in GATEWAY_SECRET_A/);
  });
});
