import { availableParallelism } from "node:os";
import { relative } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { isFast, putsFakes, testFiles } from "./test/fast.ts";

// `npm test` runs what a bare machine can run. Suites that need more (vendor CLIs, PostgreSQL, terraform) are named
// *.clients.test.ts, *.postgres.test.ts, *.deploy.test.ts, ... and are selected by MCPIST_SUITE through their npm scripts.
// `npm run test:fast` is the part of `npm test` that starts no process (test/fast.ts).
const NAMED = ["clients", "postgres", "deploy", "conformance", "canary", "browser", "install"];
const suite = process.env["MCPIST_SUITE"];
/** undefined for `npm test` and its inner loop. */
const named = suite === "fast" ? undefined : suite;
if (named !== undefined && !NAMED.includes(named))
  throw new Error(`MCPIST_SUITE must be one of fast, ${NAMED.join(", ")}`);

const folders = "{contract,stacks,cli,worker,origin,sandbox,site,test}/**/*";
const others = NAMED.map((name) => `**/*.${name}.test.ts`);
/**
 * A process for each file, which loads everything anew, costs more than most of the files do. So all share a few processes, but for those
 * that put fakes where others would meet them. Found only where they are run.
 */
function projects() {
  const all = testFiles([`${folders}.test.ts`], [new RegExp(`\\.(?:${NAMED.join("|")})\\.test\\.ts$`)]);
  const left = suite === "fast" ? all.filter((file) => !isFast(file)) : [];
  const apart = all.filter((file) => putsFakes(file) && !left.includes(file));
  const exclude = [...apart, ...left, ...others, "**/node_modules/**"];
  const together = { name: "together", include: [`${folders}.test.ts`], exclude, isolate: false };
  return [{ name: "apart", include: apart }, together].map((test) => ({ extends: true as const, test }));
}

/** What takes longest in its suite, longest first: vitest goes by the size of a file where it has never run. */
const LONG = [
  "test/clients/matrix",
  "test/documents/pages",
  "test/documents/runbooks",
  "test/documents/emergencies",
  "test/colleagues",
  "test/rotation",
  "test/programs",
  "test/rehearse",
  "test/security/hygiene/rotations",
  "test/crash",
  "origin/origin",
];

/**
 * What takes long begins first, and the fast ones fill its gaps at the end. What has a process of its own comes before all of them: a shared
 * process ends as soon as another kind comes next.
 */
class FastLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const ending = named === undefined ? ".test.ts" : `.${named}.test.ts`;
    const rank = ({ project, moduleId }: TestSpecification): number => {
      if (project.name === "apart") return -1;
      const long = LONG.findIndex((name) => moduleId.endsWith(`/${name}${ending}`));
      return long === -1
        ? LONG.length + Number(named === undefined && isFast(relative(import.meta.dirname, moduleId)))
        : long;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

/**
 * CI has two cores and three named suites at a time, each of which waits about as long as it computes. What waits most keeps the cores
 * busy only if there is more of it at once.
 */
const WORKERS_IN_CI: Readonly<Record<string, number>> = { clients: 3 };
const workersInCi = named === undefined ? 3 : (WORKERS_IN_CI[named] ?? 2);

export default defineConfig({
  test: {
    ...(named === undefined
      ? { projects: projects() }
      : { include: [`${folders}.${named}.test.ts`], exclude: ["**/node_modules/**"] }),
    // What is polled for comes when it comes; this ends what never does.
    expect: { requireAssertions: true, poll: { timeout: 60_000 } },
    allowOnly: false,
    sequence: { shuffle: { tests: true }, sequencer: FastLast },
    // Nothing waits for its time: these end what hangs, also where others keep the machine ten times as busy as the tests would.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: process.env["CI"] ? workersInCi : Math.max(3, availableParallelism() - 1),
    // PGlite in a test is asked a few hundred times: V8's second compiler of WebAssembly would cost more than it gives back.
    execArgv: ["--liftoff-only"],
    // Of the tests that say they may run beside each other.
    maxConcurrency: 3,
    teardownTimeout: 10_000,
  },
});
