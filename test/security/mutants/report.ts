/** What a run of the mutants has shown, as it is handed to the evidence. Pure. */
import { z } from "zod";
import type { TestName } from "../controls.ts";
import type { RunFile } from "../verdicts.ts";
import { patternOf } from "../verdicts.ts";
import type { Fate } from "./mutant.ts";

const result = z.strictObject({
  id: z.string(),
  fate: z.enum(["caught", "survived", "stale", "broken"]),
  /** Tests that did not go red, or what else is wrong. */
  reasons: z.array(z.string()),
});
const report = z.strictObject({
  /** SHA-256 over the files that were copied (copy.ts). */
  tree: z.string().regex(/^[0-9a-f]{64}$/),
  /** HEAD at that time; null where there is none, or files differed from it. */
  commit: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .nullable(),
  results: z.array(result),
});

export type MutantResult = z.output<typeof result>;
export type MutantReport = z.output<typeof report>;

/** @throws {z.ZodError} when it has another shape. */
export const readMutantReport = (text: string): MutantReport => report.parse(JSON.parse(text));

/** Cases of a test, by its name or the template of its table. */
export const casesOf = ({ test, name }: TestName, files: readonly RunFile[]): RunFile["cases"] => {
  const pattern = patternOf(name);
  return files
    .filter(({ file }) => file === test)
    .flatMap(({ cases }) => cases.filter((one) => pattern.test(one.name)));
};

/** Tests of the sound tree that cannot judge a mutant, because they have no case or are red without it. */
export const unfit = (tests: readonly TestName[], files: readonly RunFile[]): readonly TestName[] =>
  tests.filter((cited) => {
    const cases = casesOf(cited, files).filter(({ status }) => status === "passed" || status === "failed");
    return cases.length === 0 || cases.some(({ status }) => status === "failed");
  });

/** @param tests that have to be red @param files of the run with the mutant; none when it wrote no report */
export function judge(id: string, tests: readonly TestName[], files: readonly RunFile[]): MutantResult {
  const quiet = tests.filter((cited) => !casesOf(cited, files).some(({ status }) => status === "failed"));
  const mute = quiet.filter((cited) => !casesOf(cited, files).some(({ status }) => status === "passed"));
  const fate: Fate = quiet.length === 0 ? "caught" : mute.length > 0 ? "broken" : "survived";
  return {
    id,
    fate,
    reasons: quiet.map(({ test, name }) => `${test} > ${name} ${mute.length > 0 ? "did not run" : "stays green"}`),
  };
}
