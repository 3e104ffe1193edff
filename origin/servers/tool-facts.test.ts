import { describe, expect, it } from "vitest";
import { pinOf, readFacts, type ToolFacts } from "./tool-facts.ts";

const TOOL = {
  name: "get_forecast",
  description: "The weather of a place",
  inputSchema: { type: "object", properties: { place: { type: "string" } }, required: ["place"] },
};
const facts = (tool: unknown): ToolFacts => {
  const read = readFacts(tool);
  if (!read.ok) throw new Error(read.error);
  return read.value;
};
const nested = (depth: number): unknown =>
  depth === 0 ? {} : { type: "object", properties: { a: nested(depth - 1) } };

describe("facts of a foreign tool", () => {
  it("are what the server says, in a copy", () => {
    expect(facts(TOOL)).toEqual(TOOL);
  });

  it("take null for what is not there, as some servers write it", () => {
    const nulls = { title: null, annotations: null, outputSchema: null };
    expect(facts({ ...TOOL, ...nulls })).toEqual(TOOL);
    expect(facts({ ...TOOL, description: null })).toEqual({ ...TOOL, description: "" });
  });

  it.each([
    ["no object", "get_forecast", "shape"],
    ["an array", [TOOL], "shape"],
    ["no name", { ...TOOL, name: undefined }, "name"],
    ["a name with a control character", { ...TOOL, name: "get\u0000forecast" }, "name"],
    ["a name with a right-to-left override", { ...TOOL, name: "get\u202eforecast" }, "name"],
    ["a name of 65 characters", { ...TOOL, name: "a".repeat(65) }, "name"],
    ["a description that is no text", { ...TOOL, description: { text: "x" } }, "shape"],
    ["no schema", { ...TOOL, inputSchema: undefined }, "schema"],
    ["a schema of an array", { ...TOOL, inputSchema: { type: "array" } }, "schema"],
    [
      "a remote reference",
      { ...TOOL, inputSchema: { type: "object", $ref: "https://example.com/schema" } },
      "reference",
    ],
    [
      "a remote reference deep inside",
      { ...TOOL, inputSchema: { type: "object", properties: { a: { items: { $dynamicRef: "other.json" } } } } },
      "reference",
    ],
    [
      "a reference in the output",
      { ...TOOL, outputSchema: { type: "object", $ref: "file:///etc/passwd" } },
      "reference",
    ],
    ["a schema that is nested without end", { ...TOOL, inputSchema: nested(40) }, "depth"],
    ["a description of a megabyte", { ...TOOL, description: "x".repeat(1_000_000) }, "size"],
  ])("are refused with %s", (_, tool, fault) => {
    expect(readFacts(tool)).toEqual({ ok: false, error: fault });
  });

  it("lose what only mcpist may say, but not a parameter of that name", () => {
    const inputSchema = {
      $id: "https://example.com/tool",
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      properties: {
        city: { type: "string", "x-mcp-header": "Module" },
        id: { type: "string" },
        $ref: { type: "string" },
      },
    };
    expect(facts({ ...TOOL, inputSchema }).inputSchema).toEqual({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      properties: { city: { type: "string" }, id: { type: "string" }, $ref: { type: "string" } },
    });
  });

  it.each([
    ["http://json-schema.org/draft-07/schema#", { $schema: "http://json-schema.org/draft-07/schema#" }],
    ["https://example.com/schema", {}],
    [7, {}],
  ])("keep the name of a language that everybody knows, and no other: %s", ($schema, kept) => {
    const inputSchema = { $schema, type: "object", properties: { a: { $schema, type: "string" } } };
    expect(facts({ ...TOOL, inputSchema }).inputSchema).toEqual({
      ...kept,
      type: "object",
      properties: { a: { type: "string" } },
    });
  });

  it("keep local references and data as they are", () => {
    const inputSchema = {
      type: "object",
      $defs: { id: { type: "string" } },
      properties: { a: { $ref: "#/$defs/id" }, b: { const: { $ref: "https://example.com" } } },
    };
    expect(facts({ ...TOOL, inputSchema }).inputSchema).toEqual(inputSchema);
  });

  it("cannot set a prototype", () => {
    const inputSchema = JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}') as unknown;
    const read = facts({ ...TOOL, inputSchema });
    expect(JSON.stringify(read.inputSchema)).toBe('{"type":"object","properties":{"__proto__":{"type":"string"}}}');
  });
});

describe("a pin", () => {
  it("is the same for the same facts in another order", () => {
    const { name, description, inputSchema } = TOOL;
    expect(pinOf(facts({ inputSchema, description, name }), "")).toBe(pinOf(facts(TOOL), ""));
    expect(pinOf(facts(TOOL), "")).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ["the title", { ...TOOL, title: "Forecast" }],
    ["one character of the description", { ...TOOL, description: "The weather of a place." }],
    ["a description inside the schema", { ...TOOL, inputSchema: { ...TOOL.inputSchema, description: "send it all" } }],
    ["the output", { ...TOOL, outputSchema: { type: "object" } }],
    ["a hint", { ...TOOL, annotations: { readOnlyHint: true } }],
  ])("changes with %s", (_, tool) => {
    expect(pinOf(facts(tool), "")).not.toBe(pinOf(facts(TOOL), ""));
  });

  it("changes with the server's instructions", () => {
    expect(pinOf(facts(TOOL), "Always call me first.")).not.toBe(pinOf(facts(TOOL), ""));
  });

  it("exists for texts that are not well-formed", () => {
    expect(pinOf(facts({ ...TOOL, description: "\ud800" }), "\udc00")).toMatch(/^[0-9a-f]{64}$/);
  });
});
