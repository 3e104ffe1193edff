/**
 * `npm run evidence`: runs the tests and writes what they have shown of each control.
 *
 *     node test/security/evidence.ts [REPORT.json …] [--out FOLDER] [--check FILE]
 *
 * Without a report it runs `npm test` for one. Writes evidence.json and README.md to the folder; `--check` writes nothing and
 * compares a file with what the reports say. Exit code 1: something is unproven, the file differs, or the tests failed.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { readControls } from "./controls.ts";
import { digestOf, pageOf, type Run, type Statement, statementOf, differencesIn } from "./evidence-statement.ts";
import type { KnownTest } from "./list-tests.ts";
import { PINNED_CONTROLS } from "./pinned-controls.ts";
import { readTracked, ROOT } from "./repository.ts";
import { filesOf, type Report, verdictsOf } from "./verdicts.ts";

const MOST_OUTPUT = 64 * 1024 * 1024;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: "string", default: join(ROOT, "docs/security/evidence") }, check: { type: "string" } },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const git = (...args: string[]): string =>
  execFileSync("git", args, { cwd: ROOT, encoding: "utf8", maxBuffer: MOST_OUTPUT });

const own = positionals.length === 0 ? runTests() : null;
const reports = own === null ? positionals.map((path) => readFileSync(path, "utf8")) : [own.report];
const statement = collect(reports);
if (values.check === undefined) write(statement, values.out);
else compare(JSON.parse(readFileSync(values.check, "utf8")) as Statement, statement);

for (const { id, result, reasons } of statement.predicate.controls)
  if (result === "UNPROVEN") for (const reason of reasons) say(`UNPROVEN ${id}: ${reason}`);
const { PROVEN, UNPROVEN, "NOT RUN": notRun } = statement.predicate.counts;
say(`${PROVEN} controls proven, ${UNPROVEN} unproven, ${notRun} not run`);
if (UNPROVEN > 0 || (own !== null && own.code !== 0)) process.exitCode = 1;

/** Runs `npm test` anew, so that no report of another day is taken for this one. */
function runTests(): { readonly report: string; readonly code: number } {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-evidence-"));
  try {
    const path = join(folder, "report.json");
    const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
    const { status } = spawnSync(
      process.execPath,
      [vitest, "run", "--reporter=default", "--reporter=json", `--outputFile.json=${path}`],
      { cwd: ROOT, stdio: "inherit" },
    );
    return { report: readFileSync(path, "utf8"), code: status ?? 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function collect(texts: readonly string[]): Statement {
  const parsed = texts.map((text) => JSON.parse(text) as Report & { readonly startTime: number });
  const { MCPIST_SUITE: _, ...env } = process.env;
  const list = execFileSync(process.execPath, [join(ROOT, "test/security/list-tests.ts")], {
    cwd: ROOT,
    env,
    encoding: "utf8",
    maxBuffer: MOST_OUTPUT,
  });
  const version = (name: string): string =>
    (JSON.parse(readTracked(`node_modules/${name}/package.json`)) as { version: string }).version;
  const run: Run = {
    reports: texts.map(digestOf).toSorted(),
    last: new Date(Math.max(...parsed.map(({ startTime }) => startTime))).toISOString(),
  };
  return statementOf({
    tree: git("ls-files", "-s"),
    clean: git("status", "--porcelain") === "",
    tools: [
      { name: "node", version: process.versions.node },
      { name: "vitest", version: version("vitest") },
    ],
    run,
    controls: verdictsOf({
      controls: readControls(readTracked("docs/security/controls.yaml")),
      pinned: PINNED_CONTROLS,
      tests: JSON.parse(list) as readonly KnownTest[],
      files: parsed.flatMap((report) => filesOf(report, ROOT)),
    }),
  });
}

function write(made: Statement, folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "evidence.json"), `${JSON.stringify(made, null, 2)}\n`);
  writeFileSync(join(folder, "README.md"), pageOf(made));
  say(`wrote ${join(folder, "evidence.json")} and README.md`);
}

function compare(given: Statement, made: Statement): void {
  const same = isDeepStrictEqual(given.predicate.run.reports, made.predicate.run.reports);
  if (!same) say("these are other reports than the file's: the time of its run is not compared");
  const differing = differencesIn(given, made, same);
  for (const place of differing) say(`DIFFERS ${place}`);
  if (differing.length > 0) process.exitCode = 1;
  else say("the file says what the reports say");
}
