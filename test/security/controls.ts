/** docs/security/controls.yaml as data, and everything that must be true of it. Pure: what exists is told from outside. */
import { parse } from "yaml";
import { z } from "zod";
import type { KnownTest } from "./list-tests.ts";

/** What each map entry must look like: a category of a list, or a requirement of ASVS. */
const MAP = /^(OWASP-Top10:2025\/A(0[1-9]|10)|OWASP-MCP\/MCP(0[1-9]|10)|ASVS\/v5\.0\.0-\d+\.\d+(\.\d+)?)$/;

const test = z.strictObject({ test: z.string().min(1), name: z.string().min(1) });
const common = {
  id: z.string().regex(/^[A-Z]+-\d{2}$/),
  title: z.string().min(10),
  maps: z.array(z.string().regex(MAP)).min(1),
  limitations: z.array(z.string().min(5)).optional(),
  /** Broken on purpose by test/security/mutants, to see that the tests below notice. */
  critical: z.literal(true).optional(),
};
const reason = z.string().min(10);
const control = z.discriminatedUnion("status", [
  z.strictObject({ ...common, status: z.literal("implemented"), evidence: z.array(test).min(1) }),
  z.strictObject({
    ...common,
    status: z.literal("accepted-risk"),
    reason,
    bound: test,
    decision: z.string().regex(/^docs\/decisions\/\d{4}-[\w-]+\.md$/),
    "review-by": z.iso.date(),
  }),
  z.strictObject({ ...common, status: z.literal("provider"), reason }),
  z.strictObject({ ...common, status: z.literal("not-done"), reason }),
]);
const file = z.strictObject({ controls: z.array(control).min(1) });

/** Suites beside `npm test`: a machine without their tools does not run them. */
const NAMED_SUITE = /\.(clients|postgres|deploy|conformance|canary|browser|install)\.test\.ts$/;

/** Which suite a file of tests belongs to; `undefined` for `npm test`. */
export const suiteOf = (path: string): string | undefined => NAMED_SUITE.exec(path)?.[1];

export type Control = z.output<typeof control>;
export type TestName = z.output<typeof test>;

/** What the rules need to know of the world. */
export interface World {
  readonly tests: readonly KnownTest[];
  /** Does this path exist in the repository? */
  readonly exists: (path: string) => boolean;
  /** `YYYY-MM-DD`. */
  readonly today: string;
}

/** Categories of the two lists, in order. */
export const TOP_10 = Array.from({ length: 10 }, (_, index) => `A${String(index + 1).padStart(2, "0")}`);
export const MCP_10 = Array.from({ length: 10 }, (_, index) => `MCP${String(index + 1).padStart(2, "0")}`);

/** @throws {z.ZodError} when the file has another shape: a control that cannot be read is not proven. */
export const readControls = (text: string): readonly Control[] => file.parse(parse(text)).controls;

/** The tests that a control rests on. */
export const testsOf = (entry: Control): readonly TestName[] =>
  entry.status === "implemented" ? entry.evidence : entry.status === "accepted-risk" ? [entry.bound] : [];

/** Everything that is not as it is said to be, one sentence each. */
export function dishonesties(controls: readonly Control[], { tests, exists, today }: World): readonly string[] {
  const running = new Set(tests.filter(({ runs }) => runs).map(({ file: path, name }) => `${path}\0${name}`));
  const idle = new Set(tests.filter(({ runs }) => !runs).map(({ file: path, name }) => `${path}\0${name}`));
  const found: string[] = [];
  const ids = new Set<string>();
  const latest = `${Number(today.slice(0, 4)) + 1}${today.slice(4)}`;
  for (const entry of controls) {
    if (ids.has(entry.id)) found.push(`${entry.id} appears twice`);
    ids.add(entry.id);
    for (const { test: path, name } of testsOf(entry)) {
      const key = `${path}\0${name}`;
      if (running.has(key)) continue;
      found.push(
        `${entry.id} names a test that ${idle.has(key) ? "is skipped, to be done, tried again or expected to fail" : "does not exist"}: ${path} > ${name}`,
      );
    }
    if (entry.status !== "accepted-risk") continue;
    if (!exists(entry.decision)) found.push(`${entry.id} names a decision that does not exist: ${entry.decision}`);
    if (entry["review-by"] <= today) found.push(`${entry.id} was to be reviewed by ${entry["review-by"]}`);
    if (entry["review-by"] > latest)
      found.push(`${entry.id} is to be reviewed in more than a year: ${entry["review-by"]}`);
  }
  const mapped = new Set(controls.flatMap(({ maps }) => maps));
  for (const category of TOP_10)
    if (!mapped.has(`OWASP-Top10:2025/${category}`)) found.push(`nothing is said about ${category}`);
  for (const category of MCP_10)
    if (!mapped.has(`OWASP-MCP/${category}`)) found.push(`nothing is said about ${category}`);
  return found;
}
