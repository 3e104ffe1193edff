import { createRequestStateCodec, type ServerContext } from "@modelcontextprotocol/server";
import { describe, expect, it } from "vitest";
import type { Exchange } from "../exchange.ts";
import type { RegisteredModule } from "../modules/registry.ts";
import { modern } from "../test/origin.ts";
import { createMcp } from "./mcp.ts";

/** An origin with one natively presented module, whose instructions are counted when they are read. */
function counting() {
  let reads = 0;
  const weather = {
    name: "weather",
    tools: new Map(),
    instructions: () => `Read ${++reads} times.`,
  } as unknown as RegisteredModule;
  const nothing = (): void => undefined;
  const mcp = createMcp({
    registry: new Map([["weather", weather]]),
    presentation: "native",
    requestStateKey: null,
    execute: () => Promise.resolve({ content: [] }),
    onRefused: nothing,
    onRefusedNative: nothing,
    onError: nothing,
  });
  const exchange = {
    permissions: {
      active: true,
      perMinute: -1,
      plan: "",
      monthExhausted: false,
      allowed: new Map([["weather", new Map()]]),
    },
  } as unknown as Exchange;
  const ask = async (body: Readonly<Record<string, unknown>>, headers: Record<string, string>): Promise<string> => {
    const all = { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers };
    const request = new Request("http://origin/mcp", { method: "POST", headers: all, body: JSON.stringify(body) });
    return (await mcp.serve(request, body, exchange, false)).text();
  };
  return { ask, reads: () => reads };
}
const of2026 = (method: string) => ({ "mcp-protocol-version": "2026-07-28", "mcp-method": method });
const of2025 = { "mcp-protocol-version": "2025-11-25" };
const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } },
};

it.each([
  ["server/discover", modern("server/discover", {}), of2026("server/discover")],
  ["initialize", initialize, {}],
])("tells the instructions of servers to %s", async (_, body, headers) => {
  const { ask } = counting();
  expect(await ask(body, headers)).toContain('"instructions":"weather: Read 1 times."');
});

it.each([
  ["tools/list", modern("tools/list", {}), of2026("tools/list")],
  ["tools/list of an older revision", { jsonrpc: "2.0", id: 1, method: "tools/list" }, of2025],
  ["tools/call", modern("tools/call", { name: "weather__x" }), { ...of2026("tools/call"), "mcp-name": "weather__x" }],
])("does not join the instructions of servers for %s", async (_, body, headers) => {
  const { ask, reads } = counting();
  expect(await ask(body, headers)).toContain('"result"');
  expect(reads()).toBe(0);
});

it.each([
  [
    "initialize without a version",
    { ...initialize, params: { capabilities: {}, clientInfo: { name: "a", version: "1" } } },
    {},
  ],
  ["tools/list with a cursor that is no text", modern("tools/list", { cursor: 1 }), of2026("tools/list")],
])("answers %s as invalid parameters and not as a fault of its own", async (_, body, headers) => {
  const answer: unknown = JSON.parse(await counting().ask(body, headers));
  expect(answer).toMatchObject({ jsonrpc: "2.0", id: 1, error: { code: -32602 } });
});

describe("the state of a request that a client brings back", () => {
  const key = new Uint8Array(32).fill(7);
  const [anna, bela] = ["6f1c2a34-0000-4000-8000-00000000000a", "6f1c2a34-0000-4000-8000-00000000000b"];
  const nothing = (): void => undefined;
  /** What `userId` hears who brings a state that was made for `owner` and this method. */
  async function bring(userId: string, owner: string, method = "tools/call"): Promise<string> {
    const codec = createRequestStateCodec({ key, bind: () => `${owner}\n${method}` });
    const requestState = await codec.mint({ step: 1 }, {} as ServerContext);
    const mcp = createMcp({
      registry: new Map(),
      presentation: "meta",
      requestStateKey: key,
      execute: () => Promise.resolve({ content: [] }),
      onRefused: nothing,
      onRefusedNative: nothing,
      onError: nothing,
    });
    const exchange = { identity: { userId }, permissions: { allowed: new Map() } } as unknown as Exchange;
    const body = modern("tools/call", { name: "get_module_schema", arguments: {}, requestState });
    const request = new Request("http://origin/mcp", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...of2026("tools/call"),
        "mcp-name": "get_module_schema",
      },
    });
    return (await mcp.serve(request, body, exchange, false)).text();
  }

  it("is taken from the user and for the method that it was made for", async () => {
    expect(await bring(anna, anna)).toContain('"result"');
  });

  it.each([
    ["another user's", bela, anna, "tools/call"],
    ["another method's", anna, anna, "prompts/get"],
  ])("is refused when it is %s", async (_, userId, owner, method) => {
    const answer = await bring(userId, owner, method);
    expect([answer.includes('"error"'), answer.includes('"result"')]).toEqual([true, false]);
  });
});
