/** One broken workflow for each way to break each rule of the workflow policy; known-bad/ holds one file for each rule. */
import { describe, expect, it } from "vitest";
import { judge, RULES } from "./workflow-policy.ts";
import { readWorkflow } from "./workflow.ts";

const CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1";
const NODE = "actions/setup-node@820762786026740c76f36085b0efc47a31fe5020 # v7.0.0";
/** Breaks no rule. */
const FINE = `name: fine
on: push
permissions: {}
concurrency:
  group: fine
jobs:
  job:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      contents: read
    steps:
      - uses: ${CHECKOUT}
        with:
          persist-credentials: false
      - run: npm ci
`;
const LAST = "      - run: npm ci\n";
const JOB = "    runs-on: ubuntu-24.04\n    timeout-minutes: 5\n";
const TOKEN = "${{ secrets.TOKEN }}";
const run = (script: string): string => `${LAST}      - run: ${script}\n`;
const env = (name: string, value: string, script: string = "true"): string =>
  `${LAST}      - env:\n          ${name}: ${value}\n        run: ${script}\n`;
const inJob = (lines: string): string => `${JOB}${lines}`;
const ROTATES = run("exec node cli/main.ts secrets rotate");
const rotation = (group: string, rest: string): string =>
  FINE.replace("  group: fine\n", `  group: ${group}\n${rest}`).replace(LAST, ROTATES);

type Case = readonly [rule: string, what: string, workflow: string];
const broken = (rule: string, from: string, ...ways: readonly (readonly [what: string, to: string])[]): Case[] =>
  ways.map(([what, to]) => [rule, what, FINE.replace(from, () => to)]);

const CASES: readonly Case[] = [
  ...broken(
    "action-pinned-by-commit",
    LAST,
    ["a tag", "      - uses: acme/scan@v1\n"],
    ["a branch", "      - uses: acme/scan@main\n"],
    ["a short commit", "      - uses: acme/scan@3d3c42e\n"],
    ["nothing", "      - uses: acme/scan\n"],
    ["an image by tag", "      - uses: docker://acme/scan:1\n"],
  ),
  ...broken("action-pinned-by-commit", JOB, ["a workflow by tag", "    uses: acme/a/.github/workflows/b.yml@v1\n"]),
  ...broken(
    "pin-names-its-version",
    CHECKOUT,
    ["no comment", CHECKOUT.replace(/ #.*/, "")],
    ["a comment without a version", CHECKOUT.replace("v7.0.1", "latest")],
    ["a major version", CHECKOUT.replace("v7.0.1", "v7")],
  ),
  ...broken(
    "image-pinned-by-digest",
    JOB,
    ["a container", inJob("    container: node:24\n")],
    ["a container as an object", inJob("    container:\n      image: node:24\n")],
    ["a service", inJob("    services:\n      db:\n        image: postgres:17\n")],
  ),
  ...broken(
    "no-permissions-on-top",
    "permissions: {}\n",
    ["none", ""],
    ["read of everything", "permissions: read-all\n"],
    ["one", "permissions:\n  contents: read\n"],
  ),
  ...broken(
    "permissions-per-job",
    "    permissions:\n      contents: read\n",
    ["none", ""],
    ["all of them", "    permissions: write-all\n"],
  ),
  ...broken("write-token-only-in-an-environment", "contents: read", ["a write token", "contents: write"]),
  ...broken(
    "job-ends-in-time",
    "    timeout-minutes: 5\n",
    ["no end", ""],
    ["three hours", "    timeout-minutes: 180\n"],
    ["zero", "    timeout-minutes: 0\n"],
  ),
  ...broken("a-failure-is-a-failure", JOB, ["a job", inJob("    continue-on-error: true\n")]),
  ...broken(
    "a-failure-is-a-failure",
    LAST,
    ["a step", "      - continue-on-error: true\n        run: npm ci\n"],
    ["an expression", "      - continue-on-error: ${{ true }}\n        run: npm ci\n"],
    ["a shell without -e", "      - shell: bash {0}\n        run: npm ci\n"],
    ["|| true", run("npm test || true")],
    ["|| :", run('"npm test || :"')],
    ["|| exit 0", run("npm test ||exit 0")],
    ["|| echo", run("npm test || echo failed")],
    ["set +e", run("set +e; npm test")],
    ["true at the end", run("npm test; true")],
    ["one of several lines", `${LAST}      - run: |\n          npm test || true\n          npm run lint\n`],
  ),
  ...broken(
    "concurrency-is-decided",
    "concurrency:\n  group: fine\n",
    ["nothing", ""],
    ["no group", "concurrency:\n  cancel-in-progress: true\n"],
  ),
  ...broken(
    "checkout-keeps-no-token",
    "        with:\n          persist-credentials: false\n",
    ["nothing", ""],
    ["true", "        with:\n          persist-credentials: true\n"],
    ["a text", '        with:\n          persist-credentials: "false"\n'],
  ),
  ...broken(
    "no-expression-in-a-script",
    LAST,
    ["a shell", run("echo ${{ github.event.head_commit.message }}")],
    ["a script", `      - uses: ${NODE}\n        with:\n          script: log("\${{ github.actor }}")\n`],
  ),
  ...broken(
    "no-privileged-trigger",
    "on: push",
    ["pull_request_target", "on: pull_request_target"],
    ["workflow_run", "on: workflow_run"],
    ["issue_comment", "on: issue_comment"],
    ["workflow_run among others", "on: [push, workflow_run]"],
    ["issue_comment with types", "on:\n  push:\n  issue_comment:\n    types: [created]"],
    ["workflow_run with workflows", "on:\n  workflow_run:\n    workflows: [ci]"],
  ),
  ...broken(
    "runs-on-a-hosted-runner",
    "ubuntu-24.04",
    ["one's own machine", "self-hosted"],
    ["a moving label", "ubuntu-latest"],
    ["labels", "[self-hosted, linux]"],
    ["an expression", "${{ matrix.os }}"],
  ),
  ...broken(
    "secrets-need-an-environment",
    LAST,
    ["a secret of a step", env("TOKEN", TOKEN)],
    ["a secret by index", env("TOKEN", "${{ secrets['TOKEN'] }}")],
  ),
  [
    "no-secret-on-a-pull-request",
    "a secret",
    FINE.replace("on: push", "on: pull_request").replace(LAST, () => env("TOKEN", TOKEN)),
  ],
  [
    "no-secret-on-a-pull-request",
    "an environment",
    FINE.replace("on: push", "on: [push, pull_request]").replace(JOB, inJob("    environment: production\n")),
  ],
  ...broken("secrets-reach-one-step", "jobs:\n", ["the workflow", `env:\n  TOKEN: ${TOKEN}\njobs:\n`]),
  ...broken("secrets-reach-one-step", JOB, ["a job", inJob(`    env:\n      TOKEN: ${TOKEN}\n`)]),
  ...broken("secrets-reach-one-step", LAST, [
    "an input of a step",
    `      - uses: ${NODE}\n        with:\n          token: ${TOKEN}\n`,
  ]),
  ...broken(
    "no-secrets-as-a-whole",
    LAST,
    ["JSON", env("ALL", "${{ toJSON(secrets) }}")],
    ["an index", env("ALL", "${{ secrets[inputs.name] }}")],
  ),
  ...broken("no-secrets-as-a-whole", JOB, [
    "inheritance",
    "    uses: ./.github/workflows/b.yml\n    secrets: inherit\n",
  ]),
  ...(
    [
      ["the cache action", "actions/cache@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "path: x"],
      ["the cache action's half", "actions/cache/restore@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "path: x"],
      ["an input", NODE, "cache: npm"],
      ["a default", NODE, "node-version: 24"],
    ] as const
  ).map(([what, uses, input]): Case => [
    "privileged-jobs-use-no-cache",
    what,
    FINE.replace(JOB, inJob("    environment: production\n")).replace(
      LAST,
      `      - uses: ${uses}\n        with:\n          ${input}\n`,
    ),
  ]),
  ...broken(
    "installs-from-the-lockfile",
    LAST,
    ...["npm install", "npm i x", "npm add x", "npm update", "npx x"].map((script) => [script, run(script)] as const),
  ),
  ["rotation-runs-alone", "another group", rotation("other", "  cancel-in-progress: false\n  queue: max\n")],
  [
    "rotation-runs-alone",
    "a cancelled run",
    rotation("mcpist-rotation-x", "  cancel-in-progress: true\n  queue: max\n"),
  ],
  ["rotation-runs-alone", "a dropped run", rotation("mcpist-rotation-x", "  cancel-in-progress: false\n")],
  ...broken(
    "rotation-runs-alone",
    LAST,
    ["restore", run("exec node cli/main.ts secrets restore")],
    ["rollback", run("exec node cli/main.ts secrets rollback")],
    ["any command", run('exec node cli/main.ts secrets "$@"')],
  ),
  ...broken(
    "the-tool-is-the-step",
    LAST,
    ["npm", run("npm run mcpist -- secrets verify")],
    ["a pipe", run("exec node cli/main.ts secrets verify | cat")],
  ),
  ...broken(
    "no-foreign-slot-writer",
    LAST,
    ...[
      "wrangler secret put X",
      "fly secrets set X",
      "flyctl secret set X",
      "koyeb secrets create X",
      "gh secret set X",
    ].map((script) => [script, run(script)] as const),
  ),
  ...broken(
    "slots-only-where-they-are-restored",
    LAST,
    ["slot A", env("GATEWAY_SECRET_A", "x")],
    ["slot B", env("GATEWAY_SECRET_B", "x")],
    ["the old name", env("GATEWAY_SECRET", "x")],
    ["a script", run("echo $GATEWAY_SECRET_A")],
  ),
];

describe("a workflow", () => {
  it("breaks no rule as it stands here", () => {
    expect(judge(readWorkflow(FINE))).toEqual([]);
    expect(judge(readWorkflow(rotation("mcpist-rotation-x", "  cancel-in-progress: false\n  queue: max\n")))).toEqual(
      [],
    );
  });

  it.each(CASES)("breaks %s by %s", (rule, _, text) => {
    expect(text).not.toBe(FINE);
    expect(judge(readWorkflow(text)).map((finding) => finding.rule)).toContain(rule);
  });

  it("is held against each of these rules, and each is broken above", () => {
    const names = [
      "action-pinned-by-commit",
      "pin-names-its-version",
      "image-pinned-by-digest",
      "no-permissions-on-top",
      "permissions-per-job",
      "write-token-only-in-an-environment",
      "job-ends-in-time",
      "a-failure-is-a-failure",
      "concurrency-is-decided",
      "checkout-keeps-no-token",
      "no-expression-in-a-script",
      "no-privileged-trigger",
      "runs-on-a-hosted-runner",
      "secrets-need-an-environment",
      "no-secret-on-a-pull-request",
      "secrets-reach-one-step",
      "no-secrets-as-a-whole",
      "privileged-jobs-use-no-cache",
      "installs-from-the-lockfile",
      "rotation-runs-alone",
      "the-tool-is-the-step",
      "no-foreign-slot-writer",
      "slots-only-where-they-are-restored",
    ];
    expect(Object.keys(RULES)).toEqual(names);
    expect(new Set(CASES.map(([rule]) => rule))).toEqual(new Set(names));
  });
});
