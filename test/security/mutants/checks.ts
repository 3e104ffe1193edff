/** The checks themselves. Each mutant is a mistake that somebody could make. */
import type { Mutant } from "./mutant.ts";

export const CHECKS: readonly Mutant[] = [
  {
    id: "SUP-08/tests-are-tried-again",
    breaks: "npm test tries a red test until it is green",
    file: "package.json",
    from: '"test": "vitest run",',
    to: '"test": "vitest run --retry 3",',
    caughtBy: ["the scripts that check > are these"],
  },
  {
    id: "SUP-08/a-lint-rule-is-off",
    breaks: "nobody looks for promises that nobody waits for",
    file: "oxlint.config.ts",
    from: '"typescript/no-floating-promises": "error"',
    to: '"typescript/no-floating-promises": "off"',
    caughtBy: ["the scripts that check > lint by these rules, and are silent about these alone"],
  },
  {
    id: "SUP-08/no-scanners",
    breaks: "a push runs no scanner",
    file: ".ci/run",
    from: 'step "test:scan" npm run --silent test:scan -- --out "$judged/scans.json"\n',
    to: "",
    caughtBy: [".ci/run > takes these steps"],
  },
  {
    id: "SUP-08/failures-are-not-counted",
    breaks: "a push is green whatever failed",
    file: ".ci/run",
    from: "failed_steps=$((failed_steps + 1))",
    to: "failed_steps=$((failed_steps + 0))",
    caughtBy: [".ci/run > counts %s that fails"],
  },
  {
    id: "SUP-08/a-scanner-forgives",
    breaks: "the scan of the image is green whatever it found",
    file: ".github/workflows/security.yml",
    from: "image --exit-code 1",
    to: "image --exit-code 0",
    caughtBy: ["a workflow > checks this much: %s"],
  },
  {
    id: "SUP-08/expected-failures-count",
    breaks: "a test that is expected to fail counts as one that passed",
    file: "test/security/forgiving.ts",
    from: String.raw`/\.fails\b|`,
    to: "/",
    caughtBy: ["a test > shows nothing when it %s"],
  },
  {
    id: "SUP-08/tests-without-assertions-count",
    breaks: "a test may pass without having looked at anything",
    file: "test/security/forgiving.ts",
    from: "expect.requireAssertions === true",
    to: "expect.requireAssertions !== false",
    caughtBy: ["settings of vitest > let a red test be green by %s"],
  },
  {
    id: "SUP-08/a-step-may-fail",
    breaks: "a step of a workflow may fail",
    file: "test/security/workflow-policy.ts",
    from: 'FORGIVES.test(run ?? ""),',
    to: "false,",
    caughtBy: ["workflow policy > flags a workflow that breaks %s, and by that name alone"],
  },
];
