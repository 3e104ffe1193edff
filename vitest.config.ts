import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { fastTests } from "./test/fast.ts";

// `npm test` runs what a bare machine can run. Suites that need more (vendor CLIs, PostgreSQL, terraform) are named
// *.clients.test.ts, *.postgres.test.ts, *.deploy.test.ts, ... and are selected by MCPIST_SUITE through their npm scripts.
// `npm run test:fast` is the part of `npm test` that starts no process (test/fast.ts).
const NAMED = ["clients", "postgres", "deploy", "conformance", "canary", "browser", "install"];
const suite = process.env["MCPIST_SUITE"];
if (suite !== undefined && suite !== "fast" && !NAMED.includes(suite))
  throw new Error(`MCPIST_SUITE must be one of fast, ${NAMED.join(", ")}`);

const folders = "{contract,stacks,cli,worker,origin,sandbox,site,test}/**/*";
const plain = [`${folders}.test.ts`];
const include =
  suite === undefined
    ? plain
    : suite === "fast"
      ? [...fastTests(plain, [new RegExp(`\\.(?:${NAMED.join("|")})\\.test\\.ts$`)])]
      : [`${folders}.${suite}.test.ts`];

export default defineConfig({
  test: {
    include,
    exclude: [
      "**/node_modules/**",
      ...(suite === undefined || suite === "fast" ? NAMED.map((name) => `**/*.${name}.test.ts`) : []),
    ],
    expect: { requireAssertions: true },
    allowOnly: false,
    sequence: { shuffle: { tests: true } },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // CI has two cores. Elsewhere one core is left to whoever waits; at least two workers, because some tests mostly wait.
    maxWorkers: process.env["CI"] ? 2 : Math.max(2, availableParallelism() - 1),
    teardownTimeout: 10_000,
  },
});
