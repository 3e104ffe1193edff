/** A control that is broken on purpose, and the tests that have to notice. Pure. */
import type { Control, TestName } from "../controls.ts";
import { suiteOf, testsOf } from "../controls.ts";

/** One exact replacement in one file. `from` has to stand there once: code that moved on makes the mutant stale, which is red. */
export interface Mutant {
  /** `<control>/<what is broken>`. */
  readonly id: string;
  /** What is broken, as the table says it. */
  readonly breaks: string;
  /** Path from the root of the repository. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Names of tests that its control cites, each of which goes red. */
  readonly caughtBy: readonly string[];
}

export const controlOf = ({ id }: Mutant): string => id.slice(0, id.indexOf("/"));

/** In so many runs on pushes every control has its turn. */
export const PARTS = 4;

/** The mutants of a part, 1 to {@link PARTS}: all of a control or none, so that a run of the part can prove it. */
export function partOf(part: number, mutants: readonly Mutant[]): readonly Mutant[] {
  const controls = [...new Set(mutants.map(controlOf))].toSorted();
  return mutants.filter((mutant) => (controls.indexOf(controlOf(mutant)) % PARTS) + 1 === part);
}

/** `caught`: every named test went red. `stale`: it no longer applies. `broken`: its tests could not judge it. */
export type Fate = "caught" | "survived" | "stale" | "broken";

/** Why a mutant does not apply. @param text of its file; null when that is gone */
export function staleness({ file, from, to }: Mutant, text: string | null): string | null {
  if (text === null) return `${file} is gone`;
  const times = text.split(from).length - 1;
  if (times !== 1) return `${file} has its text ${times} times: ${JSON.stringify(from.slice(0, 60))}`;
  return from === to ? `${file} is not changed` : null;
}

/** The text of its file, broken. */
export const mutated = ({ from, to }: Mutant, text: string): string => text.replace(from, () => to);

/** The tests that have to notice a mutant, as its control cites them. */
export const citedBy = ({ caughtBy }: Mutant, control: Control | undefined): readonly TestName[] =>
  control === undefined ? [] : testsOf(control).filter(({ name }) => caughtBy.includes(name));

/**
 * What is wrong with the mutants of a control before any is run, one sentence each. Every test of `npm test` that a critical control
 * cites has to catch one of its mutants, named suites need tools and are not asked for it: a citation of a test about something else shows here, or when the mutants are run.
 */
export function mutantFaults(control: Control, mutants: readonly Mutant[]): readonly string[] {
  const own = mutants.filter((mutant) => controlOf(mutant) === control.id);
  const tests = testsOf(control);
  const cited = new Set(tests.map(({ name }) => name));
  const faults = own.flatMap(({ id, caughtBy }) => [
    ...(caughtBy.length === 0 ? [`${id} names no test that catches it`] : []),
    ...caughtBy
      .filter((name) => !cited.has(name))
      .map((name) => `${id} is caught by a test that ${control.id} does not cite: ${name}`),
  ]);
  if (control.critical !== true) return faults;
  if (own.length === 0) return [`${control.id} is critical, and no mutant breaks it`];
  const catching = new Set(own.flatMap(({ caughtBy }) => caughtBy));
  return [
    ...faults,
    ...tests
      .filter(({ test, name }) => suiteOf(test) === undefined && !catching.has(name))
      .map(({ name }) => `no mutant of ${control.id} is caught by a test that it cites: ${name}`),
  ];
}
