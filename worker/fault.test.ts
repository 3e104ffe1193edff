/** What breaks in the gateway itself, behind a request that may have had its effect and before one that was sent. */
import { describe, expect, it } from "vitest";
import { makeIsolate, type Service } from "./isolate.ts";
import { serveUser } from "./serve.ts";
import { collectWaitUntil, testRuntime } from "./test/clock.ts";
import { configOf } from "./test/config.ts";
import { enter } from "./visit.ts";

const SECRET = "9f00112233445566778899aabbccddeeff0123456789abcdeffedcba98765432";
const IDENTITY = { sub: "11111111-2222-4333-8444-555555555555", clientId: null, exp: 2_000_000_000 };

/** An answer whose headers cannot be read to their end, as no origin can make one: it stands for a mistake of ours. */
function broken(): Response {
  const response = Response.json({ jsonrpc: "2.0", id: 7, result: {} }, { headers: { "x-mcpist-origin": "koyeb" } });
  const { headers } = response;
  const get = (name: string): string | null => {
    if (name === "retry-after") throw new RangeError("no such thing");
    return headers.get(name);
  };
  return Object.defineProperty(response, "headers", { value: { get, has: (name: string) => headers.has(name) } });
}

async function ask(method: string, change: (service: Service) => Service = (service) => service) {
  const runtime = testRuntime(broken);
  const config = configOf([{ name: "koyeb", url: "https://koyeb.test" }], "https://issuer.test/jwks");
  const isolate = makeIsolate({ MCPIST_CONFIG: JSON.stringify(config), GATEWAY_SECRET: SECRET }, runtime);
  if (!isolate.service) throw new Error("no service");
  const { waitUntil, done } = collectWaitUntil();
  const body = JSON.stringify({ jsonrpc: "2.0", id: 7, method, params: { name: "call" } });
  const request = new Request("https://mcp.example.com/mcp", {
    method: "POST",
    headers: { "content-length": String(body.length) },
    body,
  });
  const service = change(isolate.service);
  const response = await serveUser(enter(request, isolate, waitUntil), service, IDENTITY);
  await done();
  const lines = runtime.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return {
    status: response.status,
    body: await response.json(),
    reasons: lines.map(({ event, reason }) => [event, reason]).filter(([event]) => event !== "limiter_fallback"),
    fetched: runtime.fetched,
    held: service.underWay.held,
  };
}

describe("a fault of the gateway", () => {
  it("behind a call that was sent tells that the call may have run, under its own id", async () => {
    const { status, body, reasons, fetched, held } = await ask("tools/call");
    expect(fetched).toEqual(["https://koyeb.test/mcp"]);
    expect([status, body]).toMatchObject([
      502,
      { id: 7, error: { code: 50203, data: { reason: "route.unknown", mayHaveExecuted: true } } },
    ]);
    expect(reasons).toEqual([["gateway_failed", "gateway.error RangeError"]]);
    expect(held).toBe(0);
  });

  it("behind a list says nothing of effects", async () => {
    const { status, body } = await ask("tools/list");
    expect([status, body]).toMatchObject([500, { id: 7, error: { code: 50000 } }]);
    expect(JSON.stringify(body)).not.toContain("mayHaveExecuted");
  });

  it("before a call was sent does not say that it may have run", async () => {
    const earn = (): never => {
      throw new RangeError("no such thing");
    };
    const { status, body, fetched } = await ask("tools/call", (service) => ({
      ...service,
      budget: { earn, spend: earn } as unknown as Service["budget"],
    }));
    expect(fetched).toEqual([]);
    expect([status, body]).toMatchObject([500, { id: 7, error: { code: 50000 } }]);
    expect(JSON.stringify(body)).not.toContain("mayHaveExecuted");
  });
});
