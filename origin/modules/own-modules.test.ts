import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ownModules, toolsOf } from "../../supabase/migrate/own-modules.ts";

const DICE = 'export default { name: "dice", tools: [{ name: "roll" }] };';

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "mcpist modules-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

it("takes one module of each file of a folder, in order, and no test of it", async () => {
  const folder = folderWith({
    "dice.ts": `${DICE} const typed: string = "";`,
    "dice.test.ts": "throw new Error('a test');",
    "cards.mjs": 'export default { name: "cards", tools: [{ name: "draw" }, { name: "shuffle" }] };',
    "README.md": "",
  });
  expect(toolsOf(await ownModules(folder))).toEqual([
    ["cards", "draw"],
    ["cards", "shuffle"],
    ["dice", "roll"],
  ]);
});

it("takes a list from one file", async () => {
  const folder = folderWith({ "all.mjs": 'export default [{ name: "a", tools: [] }, { name: "b", tools: [] }];' });
  expect((await ownModules(join(folder, "all.mjs"))).map(({ name }) => name)).toEqual(["a", "b"]);
});

it.each([
  ["no default export", "export const dice = 1;", /^x\.ts: its default export is no module/],
  ["a module without tools", 'export default { name: "dice" };', /^x\.ts: its default export is no module/],
  ["a tool with a name of its own making", 'export default { name: "dice", tools: [{ name: "a b" }] };', /no module/],
  ["what does not load", 'import "no-such-package";', /^x\.ts cannot be loaded: /],
])("refuses %s and names the file", async (_, text, message) => {
  await expect(ownModules(folderWith({ "x.ts": text }))).rejects.toThrow(message);
});

it("refuses a place where nothing is: an image must not lose its modules without a word", async () => {
  await expect(ownModules("/nowhere/modules")).rejects.toThrow("there is no modules");
});
