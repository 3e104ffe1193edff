/**
 * Writes the table of docs/clients.md from what a run of all clients found: `node test/clients/write-table.ts [REPORT.json]`. The outcomes
 * are kept beside it, without errors and times, so that the page can be held to them.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { withTable } from "../markdown.ts";
import { type Results, tableOf } from "./results.ts";

export const RESULTS = join(import.meta.dirname, "results.json");
export const PAGE = join(import.meta.dirname, "../../docs/clients.md");

if (import.meta.main) {
  const [report = RESULTS] = process.argv.slice(2);
  const results = JSON.parse(readFileSync(report, "utf8")) as Results;
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(PAGE, withTable(readFileSync(PAGE, "utf8"), "clients", tableOf(results)));
}
