import { describe, expect, it } from "vitest";
import { toolCall } from "../package/tool-call.ts";

describe("a tool call through the gateway", () => {
  it("goes through the meta tool where the tools are behind it", () => {
    expect(toolCall("meta", "dice", "roll", { dice: 3 })).toEqual({
      name: "call",
      arguments: { module: "dice", tool: "roll", params: { dice: 3 } },
    });
  });
  it.each([
    ["roll", "dice__roll"],
    ["roll.twice", "dice__roll_twice_da3849482a91"],
  ])("names the tool where it is presented natively: %s", (tool, name) => {
    expect(toolCall("native", "dice", tool, { dice: 3 })).toEqual({ name, arguments: { dice: 3 } });
  });
  it("says that a module has no such name", () => {
    expect(() => toolCall("native", "my__dice", "roll", {})).toThrow('module "my__dice" has no name');
  });
});
