import assert from "node:assert/strict";
import { test } from "node:test";
import { callTool } from "mcpist/testing";
import dice from "./dice.ts";

test("a roll has as many numbers as dice, each within the sides", async () => {
  const { rolled } = (await callTool(dice, "roll", { dice: 3 })) as { rolled: number[] };
  assert.equal(rolled.length, 3);
  for (const number of rolled) assert.ok(number >= 1 && number <= 6);
});

test("parameters that the schema refuses never reach the tool", async () => {
  await assert.rejects(callTool(dice, "roll", { dice: 11 }), /dice: .*10/);
});
