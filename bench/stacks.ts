/**
 * What the stacks cost: a synthesis next to a bare CDKTF app with the same providers, interleaved, as a ratio of medians; then the
 * time of each stack's deploy in a sandbox, first from nothing, then again with nothing to do, next to the engine's own plan.
 * Prints; asserts nothing. `npm run bench:stacks [-- --rounds 11 --no-deploy]`; the second half needs terraform or tofu.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundleWorker } from "../stacks/worker-bundle.ts";
import { fillSecrets } from "../test/deploy/operator.ts";
import { Installation } from "../test/deploy/installation.ts";
import { CLIS, ENGINES } from "../test/deploy/tools.ts";
import type { Ran } from "../test/deploy/workplace.ts";

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "11" }, deploy: { type: "boolean", default: true } },
  allowNegative: true,
});
const ROOT = join(import.meta.dirname, "..");
const BASE = ["base-repository", "base-edge", "base-app-koyeb", "base-app-fly"];
const SERVICE = ["service-koyeb", "service-fly"];

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`;

/** One synthesis as a process of its own. Unit: milliseconds. */
function synthesis(file: string, outdir: string, variables: Readonly<Record<string, string>>): number {
  const started = performance.now();
  const env = { PATH: process.env["PATH"], HOME: outdir, CDKTF_OUTDIR: outdir, ...variables };
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, file)], { cwd: ROOT, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${file} ended with ${status}: ${stderr}`);
  return performance.now() - started;
}

function synthesisReport(rounds: number): void {
  const bundle = bundleWorker(ROOT, undefined);
  if (!bundle.ok) throw new Error(bundle.error.join("\n"));
  const outdir = mkdtempSync(join(tmpdir(), "mcpist-bench-"));
  const bare = () => synthesis("bench/stacks/bare.ts", outdir, {});
  const given = () => synthesis("stacks/main.ts", outdir, { MCPIST_WORKER_BUNDLE: bundle.value });
  const whole = () => synthesis("stacks/main.ts", outdir, {});
  const times: Readonly<Record<"bare" | "given" | "whole", number[]>> = { bare: [], given: [], whole: [] };
  for (const once of [bare, given, whole]) once();
  for (let round = 0; round < rounds; round++) {
    times.bare.push(bare());
    times.given.push(given());
    times.whole.push(whole());
  }
  rmSync(outdir, { recursive: true });
  const line = (name: string, values: readonly number[]) =>
    `${name.padEnd(48)} ${seconds(median(values))}  ${(median(values) / median(times.bare)).toFixed(2)}x\n`;
  process.stdout.write(line("a bare app, six stacks, the same providers", times.bare));
  process.stdout.write(line("the stacks, with a Worker that is bundled", times.given));
  process.stdout.write(line("the stacks, the Worker bundled on the way", times.whole));
}

async function timed(work: () => Promise<Ran | string>): Promise<number> {
  const started = performance.now();
  const ran = await work();
  if (typeof ran !== "string" && ran.exitCode !== 0) throw new Error(ran.output);
  return performance.now() - started;
}

async function deployReport(): Promise<void> {
  const [engine] = ENGINES;
  const [cli] = CLIS;
  if (!engine || !cli) return void process.stdout.write("deploy: NOT RUN, there is neither terraform nor tofu\n");
  const installation = await Installation.open(engine, cli);
  const deploy = (stack: string) => installation.deploy([stack], {}, ["--ignore-missing-stack-dependencies"]);
  try {
    const first = new Map<string, number>();
    for (const stack of BASE) first.set(stack, await timed(() => deploy(stack)));
    await fillSecrets(installation);
    for (const stack of SERVICE) first.set(stack, await timed(() => deploy(stack)));
    process.stdout.write(
      `\n${"stack".padEnd(18)} first deploy  second deploy  ${engine.name} plan  second deploy / plan\n`,
    );
    for (const [stack, took] of first) {
      const second = await timed(() => deploy(stack));
      const plan = await timed(() => installation.plan(stack));
      const cells = [
        seconds(took).padStart(12),
        seconds(second).padStart(13),
        seconds(plan).padStart(engine.name.length + 5),
      ];
      process.stdout.write(`${stack.padEnd(18)} ${cells.join("  ")}  ${(second / plan).toFixed(1)}x\n`);
    }
  } finally {
    await installation.close();
  }
}

synthesisReport(Number(options.rounds));
if (options.deploy) await deployReport();
