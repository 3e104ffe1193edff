import { defineConfig } from "vitest/config";

// `npm test` runs what a bare machine can run. Suites that need more (vendor CLIs, PostgreSQL, terraform) are named
// *.clients.test.ts, *.postgres.test.ts, *.deploy.test.ts, ... and are selected by MCPIST_SUITE through their npm scripts.
const NAMED = ["clients", "postgres", "deploy", "conformance", "canary", "browser"];
const suite = process.env["MCPIST_SUITE"];
if (suite !== undefined && !NAMED.includes(suite)) throw new Error(`MCPIST_SUITE must be one of ${NAMED.join(", ")}`);

export default defineConfig({
  test: {
    include: suite
      ? [`{contract,stacks,cli,worker,origin,sandbox,test}/**/*.${suite}.test.ts`]
      : ["{contract,stacks,cli,worker,origin,sandbox,test}/**/*.test.ts"],
    exclude: ["**/node_modules/**", ...(suite ? [] : NAMED.map((name) => `**/*.${name}.test.ts`))],
    expect: { requireAssertions: true },
    allowOnly: false,
    sequence: { shuffle: { tests: true } },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    teardownTimeout: 10_000,
  },
});
