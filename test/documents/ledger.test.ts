/** No command of any document is left out in silence. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { documents, ROOT } from "../../site/gather.ts";
import { commandBlocks } from "./command-blocks.ts";
import { EMERGENCIES, PAGES, RUNBOOKS, TAKEN_APART } from "./followed.ts";
import { LEDGER } from "./ledger.ts";

const followed = new Set([...EMERGENCIES, ...PAGES, ...RUNBOOKS, ...TAKEN_APART]);
const withCommands = documents().filter((file) => !file.endsWith(".ja.md") && commandBlocks(file).length > 0);
const others = withCommands.filter((file) => !followed.has(file));

describe("a document with commands", () => {
  it("is one of many", () => {
    expect(withCommands.length).toBeGreaterThan(15);
    expect([...followed].filter((file) => !withCommands.includes(file))).toEqual([]);
  });

  it.each(others)("says of each block which test runs it, or why none does: %s", (file) => {
    const known = LEDGER[file] ?? [];
    const silent = commandBlocks(file).filter(
      ({ text, notRun }) => notRun === null && !known.some(({ begins }) => text.startsWith(begins)),
    );
    expect(silent.map(({ line, text }) => `${file}:${line} ${text.split("\n")[0]}`)).toEqual([]);
  });

  it.each([...followed])("gives a reason for each block that is not followed: %s", (file) => {
    const reasons = commandBlocks(file).flatMap(({ notRun }) => notRun ?? []);
    expect(reasons.filter((reason) => reason.length < 15)).toEqual([]);
  });
});

describe("the ledger", () => {
  it.each(Object.entries(LEDGER))("has nothing that is gone: %s", (file, known) => {
    const texts = commandBlocks(file).map(({ text }) => text);
    expect(known.filter(({ begins }) => texts.filter((text) => text.startsWith(begins)).length !== 1)).toEqual([]);
    expect(others).toContain(file);
  });

  it.each(Object.entries(LEDGER))("names tests that there are, or a reason: %s", (_, known) => {
    for (const { begins, by = [], notRun } of known) {
      expect(by.length > 0 || (notRun?.length ?? 0) > 14, begins).toBe(true);
      expect(by.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    }
  });
});
