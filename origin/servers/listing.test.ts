import { describe, expect, it } from "vitest";
import { readListing } from "./listing.ts";

const tool = (name: string, more: object = {}) => ({
  name,
  description: "d",
  inputSchema: { type: "object" },
  ...more,
});
const read = (tools: readonly unknown[], truncated = false) => readListing({ tools, truncated, instructions: "" });

describe("a listing of a server", () => {
  it("keeps the order and leaves out what is not safe, by reason", () => {
    const { tools, leftOut } = read(
      [
        tool("b"),
        tool("bad name"),
        "no tool",
        tool("a", { inputSchema: { type: "object", properties: { x: { pattern: "(?=x)" } } } }),
        tool("c", { inputSchema: { type: "object", $ref: "https://example.com" } }),
        tool("a"),
      ],
      true,
    );
    expect([...tools.keys()]).toEqual(["b", "a"]);
    expect(leftOut).toEqual({ name: 1, shape: 1, schema: 1, reference: 1, too_many: 1 });
  });

  it("takes none of two tools with one name, however often it stands there", () => {
    const { tools, leftOut } = read([tool("a"), tool("b"), tool("a"), tool("a")]);
    expect([...tools.keys()]).toEqual(["b"]);
    expect(leftOut).toEqual({ repeated: 2 });
  });

  it("takes a thousand tools and no more", () => {
    expect(read(Array.from({ length: 1_200 }, (_, index) => tool(`t${index}`))).tools.size).toBe(1_000);
  });
});
