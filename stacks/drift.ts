/**
 * `node stacks/drift.ts` asks, for a schedule, whether the accounts still are what the configuration says: it synthesizes, plans every
 * stack without taking a lock, holds each plan against the policy, asks the platforms for what no plan looks at (bindings, a service's
 * definition, Machines), looks at what plans read and call no change, and changes nothing. Says one line per stack. Then it runs `mcpist secrets verify`, whatever the plans said: drift in one must not
 * hide the other. Exit codes: 0 as described, 1 an engine or a platform failed or the policy refused the synthesis itself, 2 wrong
 * configuration, 3 drift or a violation in a plan; where the plans found no worse, the code of `secrets verify`.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { type PolicyDocument, readDocument } from "./document.ts";
import { differences } from "./live.ts";
import { type SynthesizedStack, synthesizedStacks } from "./manifest.ts";
import { checkAll } from "./evaluate.ts";
import { ownStacks } from "./own.ts";
import { RULES, RULES_FOR_OWN } from "./rules/all.ts";

const ENGINE = process.env["TERRAFORM_BINARY_NAME"] || "terraform";
/** Inside the stack's folder, and gone when the answer is known: a plan holds everything that a state holds. */
const PLAN = "drift.tfplan";
/** Compiled, as the package has it. */
const PACKAGED = import.meta.url.endsWith(".js");
const LARGEST_PLAN_BYTES = 64 * 1024 * 1024;
/** `plan -detailed-exitcode`. */
const CHANGES = 2;

interface Verdict {
  readonly outcome: "unchanged" | "drifted" | "violates" | "failed";
  /** What to read, for a person. */
  readonly detail: string;
}

function engine(folder: string, args: readonly string[]) {
  const { status, stdout, stderr, error } = spawnSync(ENGINE, args, {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: LARGEST_PLAN_BYTES,
  });
  return {
    status: status ?? 1,
    stdout,
    text: error ? `${ENGINE} cannot be started: ${error.message}` : stdout + stderr,
  };
}

/** A stack whose plan is empty. */
async function lookBehind(document: PolicyDocument): Promise<Verdict> {
  try {
    const found = await differences(document, process.env);
    return { outcome: found.length > 0 ? "drifted" : "unchanged", detail: found.join("\n") };
  } catch (error) {
    return { outcome: "failed", detail: error instanceof Error ? error.message : String(error) };
  }
}

async function look({ folder }: SynthesizedStack, own: boolean): Promise<Verdict> {
  const init = engine(folder, ["init", "-input=false", "-no-color"]);
  if (init.status !== 0) return { outcome: "failed", detail: init.text };
  try {
    const plan = engine(folder, [
      "plan",
      "-input=false",
      "-no-color",
      "-lock=false",
      "-detailed-exitcode",
      `-out=${PLAN}`,
    ]);
    if (plan.status !== 0 && plan.status !== CHANGES) return { outcome: "failed", detail: plan.text };
    const shown = engine(folder, ["show", "-json", PLAN]);
    const document = readDocument(shown.stdout);
    if (!document.ok)
      return { outcome: "failed", detail: shown.status === 0 ? `the plan ${document.error}` : shown.text };
    const findings = checkAll(own ? RULES_FOR_OWN : RULES, document.value).map(
      ({ rule, finding }) => `${rule.name}: ${finding}`,
    );
    if (findings.length > 0) return { outcome: "violates", detail: findings.join("\n") };
    if (plan.status === CHANGES) return { outcome: "drifted", detail: plan.stdout };
    return own ? { outcome: "unchanged", detail: "" } : await lookBehind(document.value);
  } finally {
    rmSync(join(folder, PLAN), { force: true });
  }
}

/** What the CDKTF command line would start: in a project the "app" of cdktf.json, in a checkout the stacks beside this file. */
function application(): readonly [program: string, ...words: string[]] {
  if (!PACKAGED) return [process.execPath, join(import.meta.dirname, "main.ts")];
  const { app }: { app?: unknown } = JSON.parse(readFileSync("cdktf.json", "utf8")) as { app?: unknown };
  const [program = "node", ...words] = (typeof app === "string" ? app : "node stacks.ts").trim().split(/\s+/);
  return [program === "node" ? process.execPath : program, ...words];
}

/** @returns exit code. */
async function plans(): Promise<number> {
  const outdir = process.env["CDKTF_OUTDIR"] || "cdktf.out";
  const [program, ...words] = application();
  const synth = spawnSync(program, words, { stdio: "inherit" });
  if (synth.status !== 0) return synth.status ?? 1;
  const verdicts: { readonly stack: SynthesizedStack; readonly verdict: Verdict }[] = [];
  const own = ownStacks(outdir);
  for (const stack of synthesizedStacks(outdir))
    verdicts.push({ stack, verdict: await look(stack, own.has(stack.name)) });
  const width = Math.max(...verdicts.map(({ stack }) => stack.name.length));
  for (const { stack, verdict } of verdicts) {
    if (verdict.detail !== "") process.stderr.write(`${stack.name}:\n${verdict.detail.replaceAll(/^/gm, "  ")}\n`);
    process.stdout.write(`${stack.name.padEnd(width)}  ${verdict.outcome}\n`);
  }
  const outcomes = new Set(verdicts.map(({ verdict }) => verdict.outcome));
  if (outcomes.has("failed")) return 1;
  return outcomes.has("drifted") || outcomes.has("violates") ? 3 : 0;
}

/** @returns exit code of `mcpist secrets verify`. */
function secrets(): number {
  const verify = spawnSync(
    process.execPath,
    [
      join(import.meta.dirname, `../cli/main.${PACKAGED ? "js" : "ts"}`),
      "secrets",
      "verify",
      ...(process.env["MCPIST_CONFIG_FILE"] ? ["--config", process.env["MCPIST_CONFIG_FILE"]] : []),
    ],
    {
      stdio: "inherit",
    },
  );
  return verify.status ?? 1;
}

/** A plan that could not be made outranks what the secrets say, and a secret that cannot be proven outranks drift. */
async function main(): Promise<number> {
  const found = await plans();
  if (found === 2) return found;
  const verified = secrets();
  return found === 1 || verified === 0 ? found : verified;
}

process.exitCode = await main();
