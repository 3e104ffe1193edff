import { describe, expect, it } from "vitest";
import { classOf, era, legacyCall, modernClass, startsBatch } from "./era.ts";
import { idIn } from "./rpc-id.ts";
import type { ProtocolVersion } from "./version.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("era", () => {
  it.each<[ProtocolVersion | null, string]>([
    ["2026-07-28", "modern"],
    ["2025-11-25", "legacy"],
    ["2025-06-18", "legacy"],
    ["2025-03-26", "legacy"],
    ["2024-11-05", "legacy"],
    ["2024-10-07", "legacy"],
    [null, "legacy"],
  ])("%j is %s", (version, expected) => {
    expect(era(version)).toBe(expected);
  });
});

describe("class of a method", () => {
  it.each([
    ["initialize", null, "safe"],
    ["ping", null, "safe"],
    ["server/discover", null, "safe"],
    ["tools/list", null, "safe"],
    ["prompts/list", null, "safe"],
    ["resources/list", null, "safe"],
    ["resources/templates/list", null, "safe"],
    ["resources/read", "file:///a", "safe"],
    ["prompts/get", "p", "safe"],
    ["completion/complete", null, "safe"],
    ["notifications/initialized", null, "safe"],
    ["notifications/cancelled", null, "safe"],
    ["tools/call", "get_module_schema", "safe"],
    ["tools/call", "call", "claimed"],
    ["tools/call", "GET_MODULE_SCHEMA", "claimed"],
    ["tools/call", "get_module_schema ", "claimed"],
    ["tools/call", "get_module_schema, call", "claimed"],
    ["tools/call", "=?base64?Z2V0X21vZHVsZV9zY2hlbWE=?=", "claimed"],
    ["tools/call", ["get_module_schema"], "claimed"],
    ["tools/call", undefined, "claimed"],
    ["subscriptions/listen", null, "stream"],
    ["tasks/cancel", null, "single"],
    ["logging/setLevel", null, "single"],
    ["Tools/List", null, "single"],
    ["__proto__", null, "single"],
    ["made/up", null, "single"],
  ])("%s of %j is %s", (method, name, expected) => {
    expect(classOf(method, name, "meta")).toBe(expected);
  });
});

describe("modern requests", () => {
  it.each([
    [{ "mcp-method": "tools/list" }, "safe"],
    [{ "mcp-method": "tools/call", "mcp-name": "call" }, "claimed"],
    [{ "mcp-method": "tools/call", "mcp-name": "get_module_schema" }, "safe"],
    [{ "mcp-method": "notifications/cancelled" }, "safe"],
  ])("are classed by their headers: %j", (headers, callClass) => {
    expect(modernClass(new Headers(headers), "meta")).toMatchObject({ ok: true, value: { callClass } });
  });

  it.each([
    {},
    { "mcp-method": "" },
    { "mcp-method": "tools/list, tools/call" },
    { "mcp-method": "tools list" },
    { "mcp-method": "x".repeat(129) },
    { "mcp-method": "tools/call" },
    { "mcp-method": "tools/call", "mcp-name": "" },
    { "mcp-method": "resources/read" },
    { "mcp-method": "prompts/get" },
  ])("are refused without usable headers: %j", (headers) => {
    expect(modernClass(new Headers(headers as Record<string, string>), "meta")).toEqual({
      ok: false,
      error: { reason: "mcp.header" },
    });
  });
});

describe("legacy bodies", () => {
  it.each([
    [
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"call"}}',
      { method: "tools/call", id: 1, callClass: "claimed" },
    ],
    [
      '{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"get_module_schema"}}',
      { method: "tools/call", id: "a", callClass: "safe" },
    ],
    [
      '{"jsonrpc":"2.0","method":"notifications/initialized"}',
      { method: "notifications/initialized", id: null, callClass: "safe" },
    ],
    ['{"jsonrpc":"2.0","id":1,"result":{}}', { method: null, id: 1, callClass: "single" }],
    ['{"id":{"a":1},"method":"ping"}', { method: "ping", id: null, callClass: "safe" }],
    // The last of two equal members wins, here as in the origin.
    ['{"id":1,"method":"ping","method":"tools/call"}', { method: "tools/call", id: 1, callClass: "claimed" }],
    [
      '{"id":1,"method":"tools/call","params":{"name":"get_module_schema","name":"call"}}',
      { method: "tools/call", id: 1, callClass: "claimed" },
    ],
    [
      '{"id":1,"method":"tools/call","params":["get_module_schema"]}',
      { method: "tools/call", id: 1, callClass: "claimed" },
    ],
    ['\uFEFF{"id":1,"method":"ping"}', { method: "ping", id: 1, callClass: "safe" }],
  ])("are classed by what they say: %s", (text, expected) => {
    expect(legacyCall(bytes(text), "meta")).toMatchObject({ ok: true, value: expected });
  });

  it.each(["[]", '[{"method":"ping"}]', "\uFEFF[]", " \t\r\n[]", "\uFEFF \uFEFF[1]", "[1,", "[[[["])(
    "are refused as a batch: %j",
    (text) => {
      expect(legacyCall(bytes(text), "meta")).toEqual({ ok: false, error: { reason: "shape.batch" } });
    },
  );

  it.each(["null", "42", '"x"', "true", " 0 ", '"[]"'])("are refused as a message, being JSON: %j", (text) => {
    expect(legacyCall(bytes(text), "meta")).toEqual({ ok: false, error: { reason: "shape.message" } });
  });

  it.each([
    ["9007199254740991", 9007199254740991],
    ["-9007199254740991", -9007199254740991],
    ["9007199254740993", null],
    ["-9007199254740993", null],
    ["1e400", null],
    ["1.5", null],
    ['"9007199254740993"', "9007199254740993"],
    ["1e2", 100],
    ["-0", -0],
    ["true", null],
    ["[1]", null],
  ])("have the id %s, or none that could be told back wrongly", (id, expected) => {
    const text = bytes(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
    expect([legacyCall(text, "meta"), idIn(text)]).toMatchObject([{ ok: true, value: { id: expected } }, expected]);
  });

  it.each(["", " ", "{", '{"a":1}{"b":2}', "undefined", '{"a":1}]'])("are refused as JSON: %j", (text) => {
    expect(legacyCall(bytes(text), "meta")).toEqual({ ok: false, error: { reason: "shape.json" } });
  });

  it("are refused when they are not UTF-8, UTF-16 with its mark included", () => {
    for (const odd of [
      [0xff, 0xfe, 0x5b, 0],
      [0x7b, 0xff, 0x7d],
      [0xc0, 0xaf],
    ]) {
      expect(legacyCall(Uint8Array.from(odd), "meta")).toEqual({ ok: false, error: { reason: "shape.json" } });
    }
  });

  it("that are too large to be parsed are still told from a batch by their first character", () => {
    expect(startsBatch(bytes(" \n["))).toBe(true);
    expect(startsBatch(bytes("\uFEFF{"))).toBe(false);
    expect(startsBatch(bytes("   "))).toBeNull();
  });
});

describe("where tools are presented natively", () => {
  it("every tool call may have effects, whatever it is called", () => {
    expect(classOf("tools/call", "get_module_schema", "native")).toBe("claimed");
    expect(classOf("tools/call", "weather__get_forecast", "native")).toBe("claimed");
    expect(classOf("tools/list", undefined, "native")).toBe("safe");
  });
});
