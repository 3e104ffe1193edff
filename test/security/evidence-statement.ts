/** Evidence as an in-toto statement, as a page, and compared with another. Pure. */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { cell } from "../markdown.ts";
import type { Scan } from "./scans/report.ts";
import type { Result, Verdict } from "./verdicts.ts";

export interface Run {
  /** SHA-256 of each report, sorted. */
  readonly reports: readonly string[];
  /** When the last of them began, RFC 3339. */
  readonly last: string;
}

interface Predicate {
  readonly run: Run;
  /** False when the files on disk are others than those that the digest covers. */
  readonly clean: boolean;
  readonly tools: readonly { readonly name: string; readonly version: string }[];
  readonly counts: Readonly<Record<Result, number>>;
  readonly controls: readonly Verdict[];
  /** Empty where no scanner was run. */
  readonly scans: readonly Scan[];
}

/** https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md */
export interface Statement {
  readonly _type: string;
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[];
  readonly predicateType: string;
  readonly predicate: Predicate;
}

export const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** @param of.tree output of `git ls-files -s`: mode, object and path of every file. */
export function statementOf(of: Omit<Predicate, "counts"> & { readonly tree: string }): Statement {
  const count = (wanted: Result): number => of.controls.filter(({ result }) => result === wanted).length;
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "git ls-files -s", digest: { sha256: digestOf(of.tree) } }],
    predicateType: "urn:mcpist:evidence:1",
    predicate: {
      run: of.run,
      clean: of.clean,
      tools: of.tools,
      counts: {
        PROVEN: count("PROVEN"),
        TESTED: count("TESTED"),
        UNPROVEN: count("UNPROVEN"),
        "NOT RUN": count("NOT RUN"),
      },
      controls: of.controls,
      scans: of.scans,
    },
  };
}

/** Places where two statements differ. @param sameReports whether the time of the run can be compared, too. */
export function differencesIn(given: Statement, made: Statement, sameReports: boolean): readonly string[] {
  const flat = ({ predicate: { controls, run, ...rest }, ...head }: Statement): Map<string, unknown> =>
    new Map<string, unknown>([
      ...Object.entries(head),
      ...Object.entries(rest),
      ...(sameReports ? [["run", run] as const] : []),
      ["controls", controls.map(({ id }) => id)],
      ...controls.map((entry) => [entry.id, entry] as const),
    ]);
  const [one, other] = [flat(given), flat(made)];
  return [...new Set([...one.keys(), ...other.keys()])].filter(
    (place) => !isDeepStrictEqual(one.get(place), other.get(place)),
  );
}

/** The same for a badge (https://shields.io/badges/endpoint-badge): a count, a day and a tree, and never a word such as "secure". */
export function badgeOf({ subject, predicate: { counts, run, clean } }: Statement): Readonly<Record<string, unknown>> {
  const all = Object.values(counts).reduce((sum, one) => sum + one, 0);
  const tree = subject[0]?.digest.sha256.slice(0, 7) ?? "";
  return {
    schemaVersion: 1,
    label: "controls proven by tests",
    message: `${counts.PROVEN} of ${all}${counts.TESTED > 0 ? ` (${counts.TESTED} tested)` : ""}, ${run.last.slice(0, 10)}, tree ${tree}${clean ? "" : " (changed)"}`,
    color: counts.UNPROVEN > 0 || !clean ? "red" : counts.PROVEN < all ? "yellow" : "green",
  };
}

/** The same for a reader, in Markdown. */
export function pageOf({ subject, predicate }: Statement): string {
  const { run, clean, tools, counts, controls, scans } = predicate;
  const of = (status: Verdict["status"]): string => (status === "implemented" ? "" : ` (${status})`);
  const open = controls.filter(({ reasons }) => reasons.length > 0);
  const caught = ({ mutants, earlier }: Verdict): string => {
    const before = earlier.map((one) => `; ${one.caught} at ${one.commit.slice(0, 7)}`).join("");
    return mutants === null ? "–" : `${mutants.caught} of ${mutants.all}${before}`;
  };
  return [
    "# What a run of the tests has shown",
    "",
    `${counts.PROVEN} controls proven, ${counts.TESTED} tested, ${counts.UNPROVEN} unproven, ${counts["NOT RUN"]} not run. Self-assessed: nobody else has looked.`,
    "",
    `- Run: ${run.last}`,
    `- Tree: SHA-256 of \`git ls-files -s\` is \`${subject[0]?.digest.sha256 ?? ""}\`${clean ? "" : ", **but the files on disk were others**"}`,
    `- Tools: ${tools.map(({ name, version }) => `${name} ${version}`).join(", ")}`,
    "",
    "PROVEN: each test that the control cites ran in this run, with at least one case, and each case passed; where the control is",
    "critical, it was also broken by each of its mutants, and the tests went red ([what was broken](../mutants.md)). TESTED: the tests",
    "passed, but some mutants were not part of the run, so nothing shows here that the tests would notice; where an earlier run has caught",
    "them, its commit is named, and what changed since is not judged. NOT RUN: a suite was not part of the run, which is no pass. Where a",
    "control has no mutant, a test that would pass without it is not found.",
    "",
    "This page can be edited by hand: `npm run evidence -- --check FILE` runs the tests again and names each difference. Who made",
    "it, only a signed attestation can show: the workflow `evidence` makes one on GitHub, and has not run there yet.",
    "",
    "| Control | What | Result | Tests | Cases | Mutants caught |",
    "|---|---|---|---|---|---|",
    ...controls.map((verdict) => {
      const { id, title, status, result, tests } = verdict;
      const cases = tests.reduce((sum, test) => sum + test.cases, 0);
      return `| ${id} | ${cell(title)}${of(status)} | ${result ?? "–"} | ${tests.length} | ${cases} | ${caught(verdict)} |`;
    }),
    "",
    "## Scanners",
    "",
    ...(scans.length === 0
      ? ["None was run."]
      : [
          "Each had to flag its known-bad input in the same run. NOT RUN is no pass.",
          "",
          "| Scanner | Version | Result | Looked at | Flagged of its known-bad input | |",
          "|---|---|---|---|---|---|",
          ...scans.map(
            ({ name, version, result, inspected, flagged, reason, findings }) =>
              `| ${name} | ${version ?? "–"} | ${result} | ${inspected} | ${flagged.length} | ${cell([reason ?? "", ...findings].filter((text) => text !== "").join("; "))} |`,
          ),
        ]),
    "",
    ...(open.length === 0
      ? []
      : ["## Not proven", "", ...open.flatMap(({ id, reasons }) => reasons.map((why) => `- ${id}: ${why}`)), ""]),
  ].join("\n");
}
