/**
 * `npm run test:stryker`: mutants that Stryker makes by itself, over the pure core. It is no dependency of the project: .ci/tools puts
 * it into the cache, and here it meets a copy of the tree. Exit code 1: a score is below its floor, or Stryker is not there under CI.
 *
 *     node test/security/mutants/stryker.ts [FILE …]
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "../repository.ts";
import { type Copy, copyOfTree } from "./copy.ts";

interface Target {
  readonly file: string;
  readonly tests: readonly string[];
  /** Lowest share of mutants that are noticed. Unit: percent. */
  readonly floor: number;
}

const TARGETS: readonly Target[] = [
  { file: "cli/secrets/phases/rows.ts", tests: ["cli/secrets/phase.test.ts"], floor: 69 },
  { file: "worker/policy/token.ts", tests: ["worker/policy/token.test.ts", "worker/authenticate.test.ts"], floor: 92 },
  { file: "worker/policy/gcra.ts", tests: ["worker/policy/gcra.test.ts"], floor: 90 },
  { file: "origin/limits/sliding-log.ts", tests: ["origin/limits/sliding-log.test.ts"], floor: 92 },
  { file: "origin/sieve/suspicion.ts", tests: ["origin/sieve/suspicion.test.ts"], floor: 74 },
  { file: "origin/http/verify.ts", tests: ["origin/http/verify.test.ts"], floor: 71 },
  { file: "contract/gateway-secret.ts", tests: ["contract/gateway-secret.test.ts"], floor: 86 },
  { file: "cli/redact.ts", tests: ["cli/redact.test.ts"], floor: 85 },
];

const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "mcpist/stryker/node_modules");
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** One folder of packages out of two: the project's, and what only Stryker has. */
function mergePackages(into: string, ...from: readonly string[]): void {
  mkdirSync(into);
  const take = (folder: string, path: string): void => {
    for (const name of readdirSync(path)) {
      const [target, source] = [join(folder, name), join(path, name)];
      if (name.startsWith("@")) {
        mkdirSync(target, { recursive: true });
        take(target, source);
      } else if (!existsSync(target)) symlinkSync(source, target);
    }
  };
  for (const path of from) take(into, path);
}

/** @returns the score, or null when Stryker broke off. Unit: percent. */
function scoreOf({ root }: Copy, { file, tests }: Target): { readonly score: number; readonly all: number } | null {
  const settings = {
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner"],
    mutate: [file],
    reporters: ["json"],
    jsonReporter: { fileName: "stryker.json" },
    concurrency: 1,
    coverageAnalysis: "perTest",
    vitest: { configFile: "vitest.stryker.ts", related: false },
    inPlace: true,
    tempDirName: ".stryker",
  };
  writeFileSync(join(root, "stryker.config.json"), JSON.stringify(settings));
  writeFileSync(
    join(root, "vitest.stryker.ts"),
    `import { defineConfig } from "vitest/config";\nexport default defineConfig({ test: { include: ${JSON.stringify(tests)}, maxWorkers: 1 } });\n`,
  );
  rmSync(join(root, "stryker.json"), { force: true });
  const program = join(CACHE, "@stryker-mutator/core/bin/stryker.js");
  spawnSync(process.execPath, [program, "run", "stryker.config.json"], { cwd: root, stdio: "ignore" });
  if (!existsSync(join(root, "stryker.json"))) return null;
  const { files } = JSON.parse(readFileSync(join(root, "stryker.json"), "utf8")) as {
    readonly files: Readonly<Record<string, { readonly mutants: readonly { readonly status: string }[] }>>;
  };
  const judged = Object.values(files)
    .flatMap(({ mutants }) => mutants.map(({ status }) => status))
    .filter((status) => ["Killed", "Timeout", "Survived", "NoCoverage"].includes(status));
  const noticed = judged.filter((status) => status === "Killed" || status === "Timeout").length;
  return judged.length === 0 ? null : { score: (100 * noticed) / judged.length, all: judged.length };
}

if (!existsSync(join(CACHE, "@stryker-mutator/core"))) {
  say("NOT RUN: Stryker is not installed: . .ci/tools installs it");
  if (process.env["CI"] === "true") process.exitCode = 1;
} else {
  const asked = process.argv.slice(2);
  const copy = copyOfTree();
  try {
    rmSync(join(copy.root, "node_modules"));
    mergePackages(join(copy.root, "node_modules"), join(ROOT, "node_modules"), CACHE);
    for (const target of TARGETS.filter(({ file }) => asked.length === 0 || asked.includes(file))) {
      const made = scoreOf(copy, target);
      const good = made !== null && made.score >= target.floor;
      const score = made === null ? "broke off" : `${made.score.toFixed(1)} % of ${made.all}`;
      say(`${good ? "ok  " : "FAIL"} ${target.file}: ${score}, at least ${target.floor} %`);
      if (!good) process.exitCode = 1;
    }
  } finally {
    copy.remove();
  }
}
