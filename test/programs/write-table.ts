/**
 * Writes the table of docs/sandbox.md from what `npm run test:clients` saw: `node test/programs/write-table.ts [REPORT.json]`, by default
 * the report of the last run here. A program that was not there keeps what was seen of it before; one that never was is NOT RUN.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { withTable } from "../markdown.ts";
import { type Result, tableOf } from "./results.ts";

export const RESULTS = join(import.meta.dirname, "results.json");
export const PAGE = join(import.meta.dirname, "../../docs/sandbox.md");
/** What the last run saw. */
export const REPORT = join(import.meta.dirname, "../../node_modules/.cache/mcpist/programs.json");

if (import.meta.main) {
  const read = (file: string) =>
    existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as readonly Result[]) : [];
  const [report = REPORT] = process.argv.slice(2);
  const before = read(RESULTS);
  const results = read(report).map((result) =>
    result.version === null ? (before.find(({ program }) => program === result.program) ?? result) : result,
  );
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(PAGE, withTable(readFileSync(PAGE, "utf8"), "programs", tableOf(results)));
}
