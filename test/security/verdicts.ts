/**
 * What a run has shown of each control, judged from the reports of the run. Pure.
 *
 * A test that is read from its source can promise anything: it may skip itself while it runs, have no row in its table, or fail.
 * Whether a test would notice that its control is broken is shown by the mutants of critical controls.
 */
import { type Control, suiteOf, testsOf, type TestName } from "./controls.ts";
import type { KnownTest } from "./list-tests.ts";
import { controlOf, type Mutant, mutantFaults } from "./mutants/mutant.ts";
import type { MutantReport, MutantResult } from "./mutants/report.ts";

/** A report of vitest's JSON reporter, as far as it is read here. */
export interface Report {
  readonly testResults: readonly {
    /** Absolute path. */
    readonly name: string;
    /** `failed` also when a hook failed or the file could not be loaded. */
    readonly status: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

/** A file of tests in a report, with the cases that it ran. */
export interface RunFile {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly failed: boolean;
  readonly cases: readonly { readonly name: string; readonly status: string }[];
}

/**
 * `TESTED`: its tests ran and passed, but not every one of its mutants was part of the run, so whether they would notice was not shown.
 */
export type Result = "PROVEN" | "TESTED" | "UNPROVEN" | "NOT RUN";

export interface Verdict {
  readonly id: string;
  readonly title: string;
  /** As in controls.yaml; `missing` when the register no longer has it. */
  readonly status: Control["status"] | "missing";
  /** `null` where no test is claimed: somebody else's duty, or not done. */
  readonly result: Result | null;
  /** Why it is not proven, one sentence each. */
  readonly reasons: readonly string[];
  readonly tests: readonly (TestName & { readonly result: Result; readonly cases: number })[];
  /** How many mutants there are, and how many of them this run has caught; `null` where there is none. */
  readonly mutants: { readonly all: number; readonly caught: number } | null;
  /** Mutants that this run left out and an earlier run has caught, by its commit; a run on other files proves nothing of these. */
  readonly earlier: readonly { readonly commit: string; readonly caught: number }[];
}

const FATES = {
  caught: "was caught",
  survived: "survived",
  stale: "no longer applies",
  broken: "was not judged",
} as const;
/** Where vitest writes a value into the name of a case. */
const PLACEHOLDER = /%[sdifjoOc#$]|\$\{[^}]*\}|\$[\w.]+/;

/** @param root with a slash at its end. */
export const filesOf = (report: Report, root: string): readonly RunFile[] =>
  report.testResults.map(({ name, status, assertionResults }) => ({
    file: name.startsWith(root) ? name.slice(root.length) : name,
    failed: status !== "passed",
    cases: assertionResults.map((entry) => ({
      name: [...entry.ancestorTitles, entry.title].join(" > "),
      status: entry.status,
    })),
  }));

/** What is judged, and by what. */
export interface Evidence {
  readonly controls: readonly Control[];
  /** `id status`, and `critical` where it is, of each control that has to be there. */
  readonly pinned: readonly string[];
  readonly mutants: readonly Mutant[];
  /** What became of mutants in this run; those that were not run are missing. */
  readonly fates: readonly MutantResult[];
  /** Reports of earlier runs, the newest first. */
  readonly earlier: readonly MutantReport[];
  /** The tests as they stand in the sources. */
  readonly tests: readonly KnownTest[];
  readonly files: readonly RunFile[];
}

/** As the pinned list has it. */
export const pinOf = ({ id, status, critical }: Control): string =>
  `${id} ${status}${critical === true ? " critical" : ""}`;

/** One verdict for each control, in the order of the register; controls that are gone come last. */
export function verdictsOf({ controls, pinned, tests, files, mutants, fates, earlier }: Evidence): readonly Verdict[] {
  const judge = judgeOf(tests, files);
  const found = controls.map((entry): Verdict => {
    const judged = testsOf(entry).map((cited) => ({ cited, ...judge(cited) }));
    const claims = entry.status === "implemented" || entry.status === "accepted-risk";
    const own = mutants.filter((mutant) => controlOf(mutant) === entry.id);
    const results = fates.filter(({ id }) => own.some((mutant) => mutant.id === id));
    const wrong = [
      ...(pinned.includes(pinOf(entry)) ? [] : [`"${pinOf(entry)}" is not in the pinned list of controls`]),
      ...(claims && judged.length === 0 ? [`${entry.id} cites no test`] : []),
      ...mutantFaults(entry, mutants),
      ...results
        .filter(({ fate }) => fate !== "caught")
        .map(({ id, fate, reasons }) => `the mutant ${id} ${FATES[fate]}: ${reasons.join("; ")}`),
    ];
    const missing = own.filter(({ id }) => !results.some((result) => result.id === id));
    const unproven = wrong.length > 0 || judged.some(({ result }) => result === "UNPROVEN");
    const passed = judged.every(({ result }) => result === "PROVEN");
    const proven = !passed ? "NOT RUN" : entry.critical === true && missing.length > 0 ? "TESTED" : "PROVEN";
    return {
      id: entry.id,
      title: entry.title,
      status: entry.status,
      result: unproven ? "UNPROVEN" : claims ? proven : null,
      reasons: [
        ...judged.flatMap(({ cited, reason }) => (reason === null ? [] : [`${cited.test} > ${cited.name}: ${reason}`])),
        ...wrong,
        ...(proven === "TESTED" ? [`${missing.length} of its ${own.length} mutants were not run`] : []),
      ],
      tests: judged.map(({ cited, result, cases }) => ({ ...cited, result, cases })),
      mutants:
        own.length === 0 ? null : { all: own.length, caught: results.filter(({ fate }) => fate === "caught").length },
      earlier: caughtEarlier(missing, earlier),
    };
  });
  const present = new Set(controls.map(({ id }) => id));
  const gone = pinned
    .map((line) => line.split(" ")[0] ?? line)
    .filter((id) => !present.has(id))
    .map((id): Verdict => ({
      id,
      title: "(deleted)",
      status: "missing",
      result: "UNPROVEN",
      reasons: [`${id} is no longer in controls.yaml`],
      tests: [],
      mutants: null,
      earlier: [],
    }));
  return [...found, ...gone];
}

/** Each mutant counts for the newest report that knows it, and only where it was caught there. */
function caughtEarlier(missing: readonly Mutant[], reports: readonly MutantReport[]): Verdict["earlier"] {
  const commits = missing.flatMap(({ id }) => {
    const newest = reports.find(({ commit, results }) => commit !== null && results.some((result) => result.id === id));
    const fate = newest?.results.find((result) => result.id === id)?.fate;
    return newest?.commit && fate === "caught" ? [newest.commit] : [];
  });
  return [...Map.groupBy(commits, (commit) => commit)].map(([commit, own]) => ({ commit, caught: own.length }));
}

interface Judged {
  readonly result: Result;
  readonly cases: number;
  readonly reason: string | null;
}

/** Judges one cited test. Every case that a report has of it counts, in whichever report. */
function judgeOf(tests: readonly KnownTest[], files: readonly RunFile[]): (cited: TestName) => Judged {
  const suites = new Set(files.map(({ file }) => suiteOf(file)));
  const templates = Map.groupBy(tests, ({ file }) => file);
  return ({ test: path, name }) => {
    const unproven = (reason: string, cases = 0): Judged => ({ result: "UNPROVEN", cases, reason });
    const known = (templates.get(path) ?? []).filter((entry) => entry.name === name);
    if (known.length === 0) return unproven("does not exist");
    if (known.some(({ runs }) => !runs)) return unproven("is skipped, to be done, tried again or expected to fail");
    const runs = files.filter(({ file }) => file === path);
    if (runs.length === 0) {
      const suite = suiteOf(path);
      return suite !== undefined && !suites.has(suite)
        ? { result: "NOT RUN", cases: 0, reason: `the suite ${suite} was not run` }
        : unproven("its file is in no report");
    }
    const names = (templates.get(path) ?? []).map((entry) => entry.name);
    const cases = runs.flatMap((run) => run.cases.filter((entry) => ownerOf(entry.name, names) === name));
    const bad = cases.find(({ status }) => status !== "passed");
    if (bad !== undefined) return unproven(`a case is ${bad.status}: ${bad.name}`, cases.length);
    if (cases.length === 0) return unproven("has no case in the report");
    if (runs.some((run) => run.failed && run.cases.every(({ status }) => status !== "failed")))
      return unproven("its file failed outside its tests", cases.length);
    return { result: "PROVEN", cases: cases.length, reason: null };
  };
}

/** The test that a case belongs to: its own name, or the template with the most text in common. */
function ownerOf(name: string, templates: readonly string[]): string | undefined {
  if (templates.includes(name)) return name;
  return templates
    .filter((template) => PLACEHOLDER.test(template) && patternOf(template).test(name))
    .toSorted((one, other) => fixedLength(other) - fixedLength(one))[0];
}

const fixedLength = (template: string): number => template.split(PLACEHOLDER).join("").length;
const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
/** Matches the names of a template's cases. */
export const patternOf = (template: string): RegExp =>
  new RegExp(`^${template.replaceAll("%%", "%").split(PLACEHOLDER).map(escaped).join("[^]*")}$`);
