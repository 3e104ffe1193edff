/**
 * `npm run test:mutants`: breaks one control after the other in a copy of the tree and runs the tests that have to notice.
 *
 *     node test/security/mutants/run.ts [--sample | --part N] [--survey] [--jobs N] [--out FILE] [--keep FOLDER] [CONTROL or MUTANT …]
 *
 * `--part` runs one of four parts, `--sample` the one whose turn it is by the number of commits (in a shallow clone by the day). `--jobs`:
 * so many copies at a time, each with one test run; as many as there are cores by default, at most four. `--keep` leaves the report of the part in a folder, for the
 * evidence of later runs. `--survey` runs every test that the control cites and tells which ones go red: for whoever writes a mutant.
 * Exit code 1: a mutant survived, no longer applies, or could not be judged. The tests are first run on the sound copy.
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { readControls, suiteOf, type TestName, testsOf } from "../controls.ts";
import { readTracked, ROOT } from "../repository.ts";
import { filesOf, patternOf, type Report, type RunFile } from "../verdicts.ts";
import { type Copy, copyOfTree, treeDigest } from "./copy.ts";
import { citedBy, controlOf, type Mutant, mutated, PARTS, partOf, staleness } from "./mutant.ts";
import { casesOf, judge, type MutantReport, type MutantResult, unfit } from "./report.ts";
import { MUTANTS } from "./table.ts";

/** Longest run of one suite. A mutant may make its tests wait for what never comes. Unit: milliseconds. */
const LONGEST_MS = 300_000;
/** The same on the sound copy: all tests are in it, each once. */
const LONGEST_SOUND_MS = 3 * LONGEST_MS;
const MOST_JOBS = 4;
const DAY_MS = 86_400_000;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: "boolean", default: false },
    part: { type: "string" },
    survey: { type: "boolean", default: false },
    jobs: { type: "string", default: String(Math.min(availableParallelism(), MOST_JOBS)) },
    out: { type: "string" },
    keep: { type: "string" },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const seconds = (from: number): string => `${((performance.now() - from) / 1000).toFixed(1)} s`;
const git = (...args: string[]): string => execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).trim();

/** @returns null where all are to run */
function chosenPart(): number | null {
  if (values.part !== undefined) return Number(values.part);
  if (!values.sample) return null;
  const shallow = git("rev-parse", "--is-shallow-repository") === "true";
  return ((shallow ? Math.floor(Date.now() / DAY_MS) : Number(git("rev-list", "--count", "HEAD"))) % PARTS) + 1;
}

const controls = new Map(readControls(readTracked("docs/security/controls.yaml")).map((entry) => [entry.id, entry]));
const testsFor = (mutant: Mutant): readonly TestName[] => {
  const control = controls.get(controlOf(mutant));
  return values.survey ? (control ? testsOf(control) : []) : citedBy(mutant, control);
};
const part = chosenPart();
const chosen = (part === null ? MUTANTS : partOf(part, MUTANTS)).filter(
  (mutant) =>
    positionals.length === 0 || positionals.some((asked) => asked === mutant.id || asked === controlOf(mutant)),
);
const jobs = Math.min(Number(values.jobs), chosen.length);
if (!(jobs >= 1)) {
  say(`no mutant is called that, or no number of jobs; parts are 1 to ${PARTS}`);
  process.exit(2);
}
if (part !== null) say(`part ${part} of ${PARTS}`);
const tree = treeDigest();
const copies = Array.from({ length: jobs }, copyOfTree);
const running = new Set<number>();
/** Tests start processes of their own: all of them end. */
const end = (group: number): void => {
  if (running.has(group)) process.kill(-group, "SIGKILL");
};
const removeAll = (): void => {
  for (const group of running) end(group);
  for (const copy of copies) copy.remove();
};
process.once("SIGINT", stop).once("SIGTERM", stop);
let report: MutantReport;
try {
  report = {
    tree,
    commit: git("status", "--porcelain") === "" ? git("rev-parse", "HEAD") : null,
    results: await runAll(),
  };
} finally {
  removeAll();
}
// A selection by name is no part.
const kept = positionals.length === 0 ? values.keep : undefined;
const places = [values.out, kept === undefined ? undefined : join(kept, `mutants-${part ?? "all"}.json`)];
for (const place of places) {
  if (place === undefined) continue;
  mkdirSync(dirname(place), { recursive: true });
  writeFileSync(place, `${JSON.stringify(report, null, 2)}\n`);
}
const caught = report.results.filter(({ fate }) => fate === "caught").length;
say(`${report.results.length} mutants, ${caught} caught, ${report.results.length - caught} not`);
if (caught !== report.results.length) process.exitCode = 1;

function stop(): never {
  removeAll();
  process.exit(130);
}

/** Each copy takes the next mutant when it is done with one. @returns results in the order of the table */
async function runAll(): Promise<MutantResult[]> {
  const tests = chosen.flatMap(testsFor);
  const from = performance.now();
  const sound = await run(copies[0]?.root ?? "", tests, { workers: jobs, longestMs: LONGEST_SOUND_MS });
  const useless = new Set(unfit(tests, sound).map(({ test, name }) => `${test} > ${name}`));
  say(`the tests on the sound tree: ${useless.size === 0 ? "green" : "NOT FIT"} (${seconds(from)})`);
  const left = [...chosen.entries()];
  const results: MutantResult[] = [];
  await Promise.all(
    copies.map(async (copy) => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [index, mutant] = next;
        results[index] = await judged(copy, mutant, useless);
      }
    }),
  );
  return results;
}

async function judged({ root }: Copy, mutant: Mutant, useless: ReadonlySet<string>): Promise<MutantResult> {
  const started = performance.now();
  const red = testsFor(mutant)
    .map(({ test, name }) => `${test} > ${name}`)
    .filter((key) => useless.has(key));
  const result: MutantResult =
    red.length > 0
      ? { id: mutant.id, fate: "broken", reasons: red.map((key) => `not green on the sound tree: ${key}`) }
      : await fateOf(root, mutant);
  say(`${result.fate === "caught" ? "caught  " : result.fate.toUpperCase()} ${mutant.id} (${seconds(started)})`);
  for (const reason of result.reasons) say(`         ${reason}`);
  return result;
}

async function fateOf(root: string, mutant: Mutant): Promise<MutantResult> {
  const path = join(root, mutant.file);
  const text = existsSync(path) ? readFileSync(path, "utf8") : null;
  const stale = staleness(mutant, text);
  if (text === null || stale !== null) return { id: mutant.id, fate: "stale", reasons: [stale ?? ""] };
  const tests = testsFor(mutant);
  writeFileSync(path, mutated(mutant, text));
  try {
    const files = await run(root, tests, { workers: 1, longestMs: LONGEST_MS });
    return values.survey ? surveyOf(mutant, tests, files) : judge(mutant.id, tests, files);
  } finally {
    writeFileSync(path, text);
  }
}

function surveyOf({ id }: Mutant, tests: readonly TestName[], files: readonly RunFile[]): MutantResult {
  const reasons = tests.map((cited) => {
    const cases = casesOf(cited, files);
    const red = cases.filter(({ status }) => status === "failed").length;
    const green = cases.filter(({ status }) => status === "passed").length;
    return `${red > 0 ? "red  " : green > 0 ? "green" : "mute "} ${red}/${red + green} ${cited.name}`;
  });
  return { id, fate: "caught", reasons };
}

interface Limits {
  readonly workers: number;
  /** Longest run of one suite. Unit: milliseconds. */
  readonly longestMs: number;
}

/** Runs these tests and no others in the copy. @returns what the reports say; nothing of a run that wrote none. */
async function run(root: string, tests: readonly TestName[], limits: Limits): Promise<readonly RunFile[]> {
  const files: RunFile[] = [];
  for (const [suite, own] of Map.groupBy(tests, ({ test }) => suiteOf(test)))
    files.push(...(await runSuite(root, suite, own, limits)));
  return files;
}

async function runSuite(
  root: string,
  suite: string | undefined,
  tests: readonly TestName[],
  { workers, longestMs }: Limits,
): Promise<readonly RunFile[]> {
  const path = join(root, ".mutant-report.json");
  rmSync(path, { force: true });
  const names = [...new Set(tests.map(({ name }) => patternOf(name).source))];
  const { MCPIST_SUITE: _, ...env } = process.env;
  const child = spawn(
    process.execPath,
    [
      join(root, "node_modules/vitest/vitest.mjs"),
      "run",
      ...new Set(tests.map(({ test }) => test)),
      "--testNamePattern",
      names.join("|"),
      `--maxWorkers=${workers}`,
      "--reporter=json",
      `--outputFile.json=${path}`,
    ],
    { cwd: root, env: suite === undefined ? env : { ...env, MCPIST_SUITE: suite }, stdio: "ignore", detached: true },
  );
  const ended = new Promise((resolve, reject) => child.once("exit", resolve).once("error", reject));
  const group = child.pid ?? 0;
  running.add(group);
  const late = setTimeout(() => end(group), longestMs);
  await ended;
  clearTimeout(late);
  running.delete(group);
  return existsSync(path) ? filesOf(JSON.parse(readFileSync(path, "utf8")) as Report, `${root}/`) : [];
}
