/**
 * `npm run evidence`: runs the tests, the mutants and the scanners, and writes what they have shown of each control.
 *
 *     node test/security/evidence.ts [REPORT.json …] [--mutants FILE] [--earlier FOLDER] [--scans FILE] [--out FOLDER] [--check FILE]
 *
 * `--earlier`: reports of mutants of earlier runs, which are named beside what this run left out and prove nothing.
 * Without a report it runs `npm test`, `npm run test:mutants` and `npm run test:scan` for them. Writes evidence.json, badge.json and README.md to
 * the folder; `--check` writes nothing and compares a file with what the reports say. Exit code 1: something is unproven, a scanner
 * failed, the file differs, the tests failed, or files are not committed.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { readControls } from "./controls.ts";
import {
  badgeOf,
  digestOf,
  pageOf,
  type Run,
  type Statement,
  statementOf,
  differencesIn,
} from "./evidence-statement.ts";
import type { KnownTest } from "./list-tests.ts";
import { treeDigest } from "./mutants/copy.ts";
import { type MutantReport, readMutantReport } from "./mutants/report.ts";
import { MUTANTS } from "./mutants/table.ts";
import { PINNED_CONTROLS, PINNED_SCANNERS } from "./pinned-controls.ts";
import { readTracked, ROOT } from "./repository.ts";
import { complete, readScanReport } from "./scans/report.ts";
import { filesOf, type Report, verdictsOf } from "./verdicts.ts";

const MOST_OUTPUT = 64 * 1024 * 1024;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string", default: join(ROOT, "docs/security/evidence") },
    check: { type: "string" },
    mutants: { type: "string" },
    earlier: { type: "string" },
    scans: { type: "string" },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const git = (...args: string[]): string =>
  execFileSync("git", args, { cwd: ROOT, encoding: "utf8", maxBuffer: MOST_OUTPUT });

/** What a run has left. */
interface Left {
  /** Reports of vitest. */
  readonly reports: readonly string[];
  readonly mutants: string | null;
  readonly scans: string | null;
  readonly code: number;
}

const read = (path: string | undefined): string | null => (path === undefined ? null : readFileSync(path, "utf8"));
const left: Left =
  positionals.length === 0
    ? runAll()
    : {
        reports: positionals.map((path) => readFileSync(path, "utf8")),
        mutants: read(values.mutants),
        scans: read(values.scans),
        code: 0,
      };
const statement = collect(left);
if (values.check === undefined) write(statement, values.out);
else compare(JSON.parse(readFileSync(values.check, "utf8")) as Statement, statement);

for (const { id, result, reasons } of statement.predicate.controls)
  if (result === "UNPROVEN") for (const reason of reasons) say(`UNPROVEN ${id}: ${reason}`);
const { PROVEN, TESTED, UNPROVEN, "NOT RUN": notRun } = statement.predicate.counts;
say(`${PROVEN} controls proven, ${TESTED} tested, ${UNPROVEN} unproven, ${notRun} not run`);
for (const { name, result, reason, findings } of statement.predicate.scans)
  if (result !== "PASSED")
    say(`${result} ${name}: ${[reason ?? "", ...findings].filter((text) => text !== "").join("; ")}`);
// What was tested is not what the digest names.
if (!statement.predicate.clean) say("the files on disk are not those of the commit: this is no evidence of it");
const failed = statement.predicate.scans.some(({ result }) => result === "FAILED");
if (UNPROVEN > 0 || failed || left.code !== 0 || !statement.predicate.clean) process.exitCode = 1;

/** Runs everything anew, so that no report of another day is taken for this one. */
function runAll(): Left {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-evidence-"));
  const node = (...args: readonly string[]): number =>
    spawnSync(process.execPath, args, { cwd: ROOT, stdio: "inherit" }).status ?? 1;
  try {
    const [tests, mutants, scans] = ["tests.json", "mutants.json", "scans.json"].map((name) => join(folder, name));
    if (tests === undefined || mutants === undefined || scans === undefined) throw new TypeError("three reports");
    const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
    const codes = [
      node(vitest, "run", "--reporter=default", "--reporter=json", `--outputFile.json=${tests}`),
      node(join(ROOT, "test/security/mutants/run.ts"), "--out", mutants),
      node(join(ROOT, "test/security/scans/run.ts"), "--out", scans),
    ];
    return {
      reports: [readFileSync(tests, "utf8")],
      mutants: readFileSync(mutants, "utf8"),
      scans: readFileSync(scans, "utf8"),
      code: Math.max(...codes),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ends the process when a report is of other files than those that are here. */
function ofThisTree<Given extends { readonly tree: string }>(given: Given | null): Given | null {
  if (given === null || given.tree === treeDigest()) return given;
  say("the report of mutants or scanners was made of other files: run them again");
  process.exit(1);
}

/** The newest first. A file of another shape was left by another version. */
function earlierReports(): readonly MutantReport[] {
  const folder = values.earlier;
  if (folder === undefined || !existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => join(folder, name))
    .toSorted((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs)
    .flatMap((path) => {
      try {
        return [readMutantReport(readFileSync(path, "utf8"))];
      } catch {
        return [];
      }
    });
}

function collect({ reports: texts, mutants, scans }: Left): Statement {
  const fates = ofThisTree(mutants === null ? null : readMutantReport(mutants));
  const scanned = ofThisTree(scans === null ? null : readScanReport(scans));
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
      mutants: MUTANTS,
      fates: fates?.results ?? [],
      earlier: earlierReports(),
    }),
    scans: scanned === null ? [] : complete(scanned.scans, PINNED_SCANNERS),
  });
}

function write(made: Statement, folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "evidence.json"), `${JSON.stringify(made, null, 2)}\n`);
  writeFileSync(join(folder, "badge.json"), `${JSON.stringify(badgeOf(made))}\n`);
  writeFileSync(join(folder, "README.md"), pageOf(made));
  say(`wrote ${join(folder, "evidence.json")}, badge.json and README.md`);
}

function compare(given: Statement, made: Statement): void {
  const same = isDeepStrictEqual(given.predicate.run.reports, made.predicate.run.reports);
  if (!same) say("these are other reports than the file's: the time of its run is not compared");
  const differing = differencesIn(given, made, same);
  for (const place of differing) say(`DIFFERS ${place}`);
  if (differing.length > 0) process.exitCode = 1;
  else say("the file says what the reports say");
}
