/**
 * `npm run test:scan`: every scanner, each at its known-bad input first.
 *
 *     node test/security/scans/run.ts [--out FILE] [WORD …]
 *
 * With words only the scanners whose names have one of them. A tool that is not installed is NOT RUN and says why, which is no pass;
 * under CI=true it is red, as is a scanner that looked at nothing or does not flag what it has to. Exit code 1: something is red.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { treeDigest } from "../mutants/copy.ts";
import { SCANNERS } from "./all.ts";
import type { Scan, ScanReport } from "./report.ts";
import { NEVER_HERE, scanWith } from "./scanner.ts";

/** Needs a host, or a clone with its history, and not only a tool. */
const OPTIONAL: ReadonlySet<string> = new Set(["TLS of a deployed host, sslscan", "gitleaks, history"]);
const { values, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: "string" } } });
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const wanted = ({ name }: { readonly name: string }): boolean =>
  positionals.length === 0 || positionals.some((word) => name.toLowerCase().includes(word.toLowerCase()));

const scans: Scan[] = [];
for (const scanner of SCANNERS.filter(wanted)) {
  const from = performance.now();
  const required = process.env["CI"] === "true" && !OPTIONAL.has(scanner.name);
  const scan = await scanWith(scanner, required);
  scans.push(scan);
  const { name, result, inspected, flagged, reason, findings } = scan;
  const took = ((performance.now() - from) / 1000).toFixed(1);
  say(`${result} ${name}: looked at ${inspected}, flagged ${flagged.length} of its known-bad input (${took} s)`);
  for (const line of [...(reason === null ? [] : [reason]), ...findings]) say(`  ${line}`);
}
scans.push(...NEVER_HERE.filter(wanted));
for (const { name, reason } of NEVER_HERE.filter(wanted)) say(`NOT RUN ${name}: ${reason}`);
if (values.out !== undefined) {
  const report: ScanReport = { tree: treeDigest(), scans };
  mkdirSync(dirname(values.out), { recursive: true });
  writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
}
const count = (result: Scan["result"]): number => scans.filter((scan) => scan.result === result).length;
say(`${count("PASSED")} scanners passed, ${count("FAILED")} failed, ${count("NOT RUN")} not run`);
if (count("FAILED") > 0) process.exitCode = 1;
