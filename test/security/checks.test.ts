/**
 * The checks themselves, word for word: whoever takes one away, or makes it forgive, says so here as well, where a reviewer sees it.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import lint from "../../oxlint.config.ts";
import { readTracked } from "./repository.ts";
import { readWorkflow } from "./workflow.ts";

describe("the scripts that check", () => {
  it("are these", () => {
    const { scripts } = JSON.parse(readTracked("package.json")) as { scripts: Readonly<Record<string, string>> };
    expect(scripts).toMatchObject({
      test: "vitest run",
      "test:clients": "MCPIST_SUITE=clients vitest run --passWithNoTests=false",
      "test:postgres": "MCPIST_SUITE=postgres vitest run",
      "test:deploy": "MCPIST_SUITE=deploy vitest run",
      "test:conformance": "MCPIST_SUITE=conformance vitest run",
      "test:install": "MCPIST_SUITE=install vitest run",
      "test:canary": "MCPIST_SUITE=canary vitest run",
      "test:browser": "MCPIST_SUITE=browser vitest run",
      "test:live": "node test/live.ts",
      typecheck: "node test/typecheck.ts",
      lint: "oxlint --type-aware --deny-warnings",
      "fmt:check": "oxfmt --check",
      synth: "node stacks/main.ts && node stacks/check.ts",
      check: "npm run fmt:check && npm run lint && npm run typecheck && npm run test && npm run synth",
      demo: "node bin/mcpist.mjs demo",
      smoke: "node test/smoke.ts",
      nightly: "node test/nightly.ts",
      "test:mutants": "node test/security/mutants/run.ts",
      "test:scan": "node test/security/scans/run.ts",
      evidence: "node test/security/evidence.ts",
    });
    const hook = /^(pre|post)(test|lint|check|evidence|typecheck|fmt|synth|smoke|nightly|demo)/;
    for (const name of Object.keys(scripts)) expect(name).not.toMatch(hook);
  });

  it("lint by these rules, and are silent about these alone", () => {
    const severity = (rule: unknown): unknown => (Array.isArray(rule) ? rule[0] : rule);
    const off = (rules: object): readonly string[] =>
      Object.entries(rules).flatMap(([name, rule]) => (severity(rule) === "off" ? [name] : []));
    const { categories, ignorePatterns, rules, overrides } = lint;
    expect({ categories, ignorePatterns }).toEqual({
      categories: { correctness: "error", suspicious: "error", perf: "error" },
      // What is generated, what mcpist init copies, and models without types.
      ignorePatterns: [
        "dist/**",
        "worker/bindings.d.ts",
        "cdktf.out/**",
        "site/dist/**",
        "site/.pages/**",
        "site/.cache/**",
        "package/templates/**",
        "**/*.mjs",
      ],
    });
    expect(Object.keys(rules).filter((name) => severity(rules[name as keyof typeof rules]) === "error")).toEqual([
      "typescript/no-explicit-any",
      "typescript/no-non-null-assertion",
      "typescript/no-floating-promises",
      "typescript/switch-exhaustiveness-check",
      "no-console",
      "eqeqeq",
      "no-var",
      "prefer-const",
    ]);
    expect(off(rules)).toEqual([
      "no-await-in-loop",
      "no-new",
      "no-shadow",
      "unicorn/consistent-function-scoping",
      "unicorn/no-array-sort",
      "unicorn/prefer-add-event-listener",
      "import/no-unassigned-import",
      "import/no-named-as-default-member",
      "typescript/no-unsafe-type-assertion",
      "typescript/consistent-return",
      "typescript/no-redundant-type-constituents",
    ]);
    const exceptions = overrides.map(({ files, rules: own }) => [files, off(own)]);
    expect(exceptions.filter(([, names]) => names?.length)).toEqual([
      [["contract/**/*.test.ts"], ["no-restricted-imports"]],
      [
        ["**/*.test.ts", "test/**/*.ts", "bench/**/*.ts", "worker/test/**/*.ts", "cli/test/**/*.ts"],
        ["no-restricted-imports", "no-console", "typescript/no-non-null-assertion"],
      ],
    ]);
  });
});

describe(".ci/run", () => {
  const script = readTracked(".ci/run");

  it("takes these steps", () => {
    const taken = script
      .split("\n")
      .filter((line) => /^\s*(beside )?(step|suite) "(?!\$name" "\$@")|^join$/.test(line));
    expect(taken.map((line) => line.trim())).toEqual([
      'suite "npm test" npm test',
      `beside step "demo" bash -c 'set -o pipefail; npm run --silent demo -- --json | npx node test/check-demo.ts'`,
      'step "fmt" npm run fmt:check',
      'step "lint" npm run lint',
      'step "typecheck" npm run typecheck',
      'step "synth" npm run synth',
      "join",
      'step "tools" install_tools "$cache"',
      'step "pack" npm pack --silent --pack-destination "$reports"',
      'beside step "test:live" env KILLS=1 npm run test:live',
      'beside step "test:mutants" npm run --silent test:mutants -- --sample --out "$judged/mutants.json" --keep "$cache/mutants"',
      'beside step "test:scan" npm run --silent test:scan -- --out "$judged/scans.json"',
      'beside step "smoke" npm run smoke',
      "join",
      'step "evidence" npx node test/security/evidence.ts "$reports"/*.json --scans "$judged/scans.json" --mutants "$judged/mutants.json" --earlier "$cache/mutants" --out "$reports/evidence"',
    ]);
    const suites = script.split("\n").filter((line) => line.startsWith("for name in") && !line.includes("failed"));
    expect(suites).toEqual([
      'for name in deploy clients install; do beside suite "test:$name" npm run "test:$name"; done',
      'for name in canary browser postgres conformance; do beside suite "test:$name" npm run "test:$name"; done',
    ]);
    expect(script.trimEnd().split("\n").at(-1)).toBe('npx node test/totals.ts "$failed_steps" "$reports"/*.json');
  });

  const folder = mkdtempSync(join(tmpdir(), "mcpist-ci-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ["a step", 'step "bad" false'],
    ["a step in a pipe", `step "bad" bash -c 'set -o pipefail; false | cat'`],
    ["a suite without a report", 'suite "bad" false'],
    ["a step beside others", 'beside step "bad" false; step good true; join'],
    ["a suite beside others without a report", 'beside suite "bad" false; beside step good true; join'],
    [
      "the first of more than run at a time",
      "beside step bad false; for n in 1 2 3 4; do beside step $n true; done; join",
    ],
    [
      "the last of more than run at a time",
      "for n in 1 2 3 4; do beside step $n true; done; beside step bad false; join",
    ],
    ["a step beside others that is killed", "beside step bad bash -c 'kill $PPID'; join"],
  ])("counts %s that fails", (_, line) => {
    const functions = script.slice(script.indexOf("failed_steps=0"), script.indexOf("printf '=== install"));
    const told = execFileSync(
      "bash",
      [
        "-c",
        `set -uo pipefail; reports=$1\n${functions}\nstep good true\n${line}\necho "counted $failed_steps \${failed_names[*]}"`,
        "bash",
        mkdtempSync(join(folder, "reports-")),
      ],
      { encoding: "utf8" },
    );
    expect(told).toContain("counted 1 bad\n");
    expect(told).toContain("=== good: ok (");
  });
});

describe("a workflow", () => {
  const jobs = (name: string): Readonly<Record<string, readonly (string | undefined)[]>> => {
    const text = readFileSync(new URL(`../../.github/workflows/${name}.yml`, import.meta.url), "utf8");
    return Object.fromEntries(
      readWorkflow(text).jobs.map((job) => [
        job.name,
        job.steps.map(({ run, uses }) => run?.trimEnd() ?? uses?.replace(/@.*/, "")),
      ]),
    );
  };
  const prepare = ["actions/checkout", "actions/setup-node", "npm ci"];
  const apt = "sudo apt-get update -qq && sudo apt-get install -y -qq --no-install-recommends";

  it.each([
    [
      "ci",
      {
        newcomer: [...prepare, "npm test", "exec node cli/main.ts demo"],
        everything: ["actions/checkout", "actions/setup-node", `${apt} strace postgresql gh`, ".ci/run"],
      },
    ],
    [
      "nightly",
      { clients: [...prepare, "npm run nightly -- clients"], faults: [...prepare, "npm run nightly -- faults"] },
    ],
    [
      "evidence",
      {
        collect: [...prepare, 'npm run evidence -- --out "$RUNNER_TEMP/evidence"', "actions/upload-artifact"],
        sign: ["actions/download-artifact", "actions/attest"],
      },
    ],
    [
      "security",
      {
        codeql: [
          "actions/checkout",
          "github/codeql-action/init",
          "github/codeql-action/analyze",
          expect.stringMatching(/\ntest ! -s "\$RUNNER_TEMP\/found"$/),
        ],
        packages: [
          "actions/checkout",
          "actions/setup-node",
          "npm ci --ignore-scripts",
          "npm audit --omit=dev --audit-level=moderate",
          "npm audit --audit-level=high",
          "npm audit --prefix site --package-lock-only --audit-level=high",
          "npm audit signatures",
        ],
        image: [
          "actions/checkout",
          expect.stringContaining("go_program"),
          "docker build -f origin/Dockerfile -t origin:scanned .",
          '"$RUNNER_TEMP/bin/trivy" image --exit-code 1 --ignore-unfixed --severity HIGH,CRITICAL origin:scanned',
        ],
        scanners: [...prepare, `${apt} sslscan`, ". .ci/tools\nscanners_alone", "npm run test:scan"],
      },
    ],
    [
      "release",
      {
        check: [
          ...prepare,
          'test "$TAG" = "v$(jq -r .version package.json)"',
          "npm test",
          "npm run lint",
          "npm run typecheck",
          "npm run smoke",
          "npm run test:install",
        ],
        publish: [
          ...prepare,
          "npm sbom --omit dev --sbom-format cyclonedx",
          "npm publish --provenance --access public",
        ],
      },
    ],
  ])("checks this much: %s", (name, expected) => {
    expect(jobs(name)).toEqual(expected);
  });
});
