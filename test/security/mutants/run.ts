/**
 * `npm run test:mutants`: breaks one control after the other in a copy of the tree and runs the tests that have to notice.
 *
 *     node test/security/mutants/run.ts [--sample] [--survey] [--out FILE] [CONTROL or MUTANT …]
 *
 * `--survey` runs every test that the control cites and tells which ones go red: for whoever writes a mutant. Exit code 1: a mutant survived, no longer applies, or could not be judged. The tests are first run on the sound copy.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { readControls, suiteOf, type TestName, testsOf } from "../controls.ts";
import { readTracked } from "../repository.ts";
import { filesOf, patternOf, type Report, type RunFile } from "../verdicts.ts";
import { type Copy, copyOfTree, treeDigest } from "./copy.ts";
import { citedBy, controlOf, type Mutant, mutated, staleness } from "./mutant.ts";
import { casesOf, judge, type MutantReport, type MutantResult, unfit } from "./report.ts";
import { MUTANTS } from "./table.ts";

/** A mutant may make its tests wait for what never comes. Unit: milliseconds. */
const LONGEST_RUN = 300_000;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: "boolean", default: false },
    survey: { type: "boolean", default: false },
    out: { type: "string" },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const seconds = (from: number): string => `${((performance.now() - from) / 1000).toFixed(1)} s`;

const controls = new Map(readControls(readTracked("docs/security/controls.yaml")).map((entry) => [entry.id, entry]));
const testsFor = (mutant: Mutant): readonly TestName[] => {
  const control = controls.get(controlOf(mutant));
  return values.survey ? (control ? testsOf(control) : []) : citedBy(mutant, control);
};
const chosen = MUTANTS.filter(
  (mutant) =>
    (!values.sample || mutant.sampled) &&
    (positionals.length === 0 || positionals.some((asked) => asked === mutant.id || asked === controlOf(mutant))),
);
if (chosen.length === 0) {
  say("no mutant is called that");
  process.exit(2);
}
const tree = treeDigest();
const copy = copyOfTree();
let running: number | undefined;
/** Tests start processes of their own: all of them end. */
const end = (): void => {
  if (running !== undefined) process.kill(-running, "SIGKILL");
};
const stop = (): never => {
  end();
  copy.remove();
  process.exit(130);
};
process.once("SIGINT", stop).once("SIGTERM", stop);
let report: MutantReport;
try {
  report = { tree, results: await runAll(copy) };
} finally {
  copy.remove();
}
if (values.out !== undefined) {
  mkdirSync(dirname(values.out), { recursive: true });
  writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
}
const caught = report.results.filter(({ fate }) => fate === "caught").length;
say(`${report.results.length} mutants, ${caught} caught, ${report.results.length - caught} not`);
if (caught !== report.results.length) process.exitCode = 1;

async function runAll({ root }: Copy): Promise<MutantResult[]> {
  const tests = chosen.flatMap(testsFor);
  const from = performance.now();
  const sound = await run(root, tests);
  const useless = new Set(unfit(tests, sound).map(({ test, name }) => `${test} > ${name}`));
  say(`the tests on the sound tree: ${useless.size === 0 ? "green" : "NOT FIT"} (${seconds(from)})`);
  const results: MutantResult[] = [];
  for (const mutant of chosen) {
    const started = performance.now();
    const red = testsFor(mutant)
      .map(({ test, name }) => `${test} > ${name}`)
      .filter((key) => useless.has(key));
    const result: MutantResult =
      red.length > 0
        ? { id: mutant.id, fate: "broken", reasons: red.map((key) => `not green on the sound tree: ${key}`) }
        : await fateOf(root, mutant);
    results.push(result);
    say(`${result.fate === "caught" ? "caught  " : result.fate.toUpperCase()} ${mutant.id} (${seconds(started)})`);
    for (const reason of result.reasons) say(`         ${reason}`);
  }
  return results;
}

async function fateOf(root: string, mutant: Mutant): Promise<MutantResult> {
  const path = join(root, mutant.file);
  const text = existsSync(path) ? readFileSync(path, "utf8") : null;
  const stale = staleness(mutant, text);
  if (text === null || stale !== null) return { id: mutant.id, fate: "stale", reasons: [stale ?? ""] };
  const tests = testsFor(mutant);
  writeFileSync(path, mutated(mutant, text));
  try {
    const files = await run(root, tests);
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

/** Runs these tests and no others in the copy. @returns what the reports say; nothing of a run that wrote none. */
async function run(root: string, tests: readonly TestName[]): Promise<readonly RunFile[]> {
  const files: RunFile[] = [];
  for (const [suite, own] of Map.groupBy(tests, ({ test }) => suiteOf(test)))
    files.push(...(await runSuite(root, suite, own)));
  return files;
}

async function runSuite(
  root: string,
  suite: string | undefined,
  tests: readonly TestName[],
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
      "--maxWorkers=1",
      "--reporter=json",
      `--outputFile.json=${path}`,
    ],
    { cwd: root, env: suite === undefined ? env : { ...env, MCPIST_SUITE: suite }, stdio: "ignore", detached: true },
  );
  const ended = new Promise((resolve, reject) => child.once("exit", resolve).once("error", reject));
  running = child.pid;
  const late = setTimeout(end, LONGEST_RUN);
  await ended;
  clearTimeout(late);
  running = undefined;
  return existsSync(path) ? filesOf(JSON.parse(readFileSync(path, "utf8")) as Report, `${root}/`) : [];
}
