/** Writes the tables of docs/security/ anew: `node test/security/write-tables.ts`. A test fails while they differ from the controls. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { readControls } from "./controls.ts";
import { readCis } from "./cis.ts";
import { MUTANTS } from "./mutants/table.ts";
import { readTracked, ROOT } from "./repository.ts";
import { tablesOf } from "./tables.ts";

const controls = readControls(readTracked("docs/security/controls.yaml"));
const cis = readCis(readTracked("docs/security/cis.yaml"));
for (const [path, text] of Object.entries(tablesOf(controls, MUTANTS, cis))) {
  writeFileSync(join(ROOT, path), text);
  process.stdout.write(`wrote ${path}\n`);
}
