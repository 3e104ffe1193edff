import { describe, expect, it } from "vitest";
import { answerMalformed, malformed } from "./malformed.ts";

const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } };
const { protocolVersion: _version, ...versionless } = params;
const request = (method: string, given?: unknown) => ({
  jsonrpc: "2.0",
  id: 1,
  method,
  ...(given === undefined ? {} : { params: given }),
});

describe("parameters that are not those of their method", () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ["no version", request("initialize", versionless), /^Invalid initialize request\. params\.protocolVersion: /],
    [
      "a version that is no text",
      request("initialize", { ...params, protocolVersion: 1 }),
      /params\.protocolVersion: /,
    ],
    ["no capabilities", request("initialize", { ...params, capabilities: [] }), /params\.capabilities: /],
    ["no name of the client", request("initialize", { ...params, clientInfo: {} }), /params\.clientInfo\.name: /],
    ["no parameters", request("initialize"), /params: /],
    [
      "a cursor that is no text",
      request("tools/list", { cursor: 1 }),
      /^Invalid tools\/list request\. params\.cursor: /,
    ],
    ["odd metadata", request("ping", { _meta: 1 }), /^Invalid ping request\. params\._meta: /],
  ])("are named: %s", (_, body, expected) => {
    expect(malformed(body)).toMatch(expected);
  });

  it("names no value that was sent", () => {
    expect(malformed(request("initialize", { ...params, protocolVersion: { canary: "value" } }))).not.toMatch(
      /canary|value/,
    );
  });

  it.each<[string, Record<string, unknown>]>([
    ["a good one", request("initialize", params)],
    ["a list", request("tools/list")],
    ["a page of a list", request("tools/list", { cursor: "x" })],
    ["a ping with metadata", request("ping", { _meta: { progressToken: 0, other: [] } })],
    ["a notification", { jsonrpc: "2.0", method: "initialize", params: {} }],
    ["a method that is not there", request("prompts/get", {})],
    [
      "a method that the revision of the request does not know",
      request("initialize", { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } }),
    ],
    ["a method of every object", request("toString", {})],
    ["a call, which the SDK looks at", request("tools/call", {})],
  ])("are not found in %s", (_, body) => {
    expect(malformed(body)).toBeNull();
  });

  it("are the client's fault, told with its own id", async () => {
    expect(await answerMalformed("a", "Invalid.").json()).toEqual({
      jsonrpc: "2.0",
      id: "a",
      error: { code: -32602, message: "Invalid." },
    });
  });
});
