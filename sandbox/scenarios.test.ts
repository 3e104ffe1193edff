import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { DEFAULT_TIMINGS } from "./vendors/vendor.ts";
import { LISTENERS } from "./vendors/context.ts";
import { SCENARIOS } from "./scenarios.ts";

const docs = await readFile(new URL("../docs/sandbox.md", import.meta.url), "utf8");

test("the manual lists every scenario and no other, in the same order", () => {
  const table = docs.slice(docs.indexOf("## Scenarios"), docs.indexOf("## Control endpoint"));
  expect([...table.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map(([, name]) => name)).toEqual(
    SCENARIOS.map(({ name }) => name),
  );
});

test("the manual states the timings and the order of the ports as they are", () => {
  for (const [name, ms] of Object.entries(DEFAULT_TIMINGS)) expect(docs).toContain(`| \`${name}\` | ${ms} |`);
  expect(docs.replaceAll(/\s+/g, " ")).toContain(`in this order: ${LISTENERS.join(", ")}.`);
});
