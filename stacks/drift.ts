/**
 * `node stacks/drift.ts` asks, for a schedule, whether the accounts still are what the configuration says: it synthesizes, plans every
 * stack without taking a lock, holds each plan against the policy, asks the platforms for what no plan looks at (bindings, a service's
 * definition, Machines, what stands beside them), looks at what plans read and call no change, and changes nothing. Says one line per
 * stack. Then it runs `mcpist secrets verify`, whatever the plans said: drift in one must not hide the other. Exit codes: 0 as described,
 * 1 an engine or a platform failed or the policy refused the synthesis itself, 2 wrong configuration, 3 drift or a violation in a plan,
 * 130 interrupted; where the plans found no worse, the code of `secrets verify`.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { type PolicyDocument, readDocument } from "./document.ts";
import { Children, type Ended } from "./children.ts";
import { differences } from "./live.ts";
import { type SynthesizedStack, synthesizedStacks } from "./manifest.ts";
import { checkAll } from "./evaluate.ts";
import { ownStacks } from "./own.ts";
import { RULES, RULES_FOR_OWN } from "./rules/all.ts";
import { loadSettings } from "./settings.ts";
import { takeTurn } from "./turn.ts";

const ENGINE = process.env["TERRAFORM_BINARY_NAME"] || "terraform";
/**
 * Inside the stack's folder, and gone when the answer is known: a plan holds everything that a state holds. Always the same, so that the
 * next check takes away what one that was killed left behind.
 */
const PLAN = "drift.tfplan";
/** Compiled, as the package has it. */
const PACKAGED = import.meta.url.endsWith(".js");
/** `plan -detailed-exitcode`. */
const CHANGES = 2;
/** A plan mostly waits for its platform, and each engine with its providers needs some 200 MiB. */
const PLANS_AT_A_TIME = 3;
const INTERRUPTED = 130;
/** One object on standard output; the lines go to stderr. */
const AS_JSON = process.argv.includes("--json");

interface Verdict {
  readonly outcome: "unchanged" | "drifted" | "violates" | "failed";
  /** What to read, for a person. */
  readonly detail: string;
}

const children = new Children();
const engine = (folder: string, args: readonly string[]): Promise<Ended> => children.run(ENGINE, args, folder);

/** What the platforms say beside the plan's own words. */
async function lookBehind(document: PolicyDocument): Promise<Verdict> {
  const settings = await loadSettings(process.env, process.cwd());
  const secrets = settings.ok ? settings.value.environment.secrets : null;
  const { found, unread } = await differences(document, process.env, secrets);
  const outcome = unread.length > 0 ? "failed" : found.length > 0 ? "drifted" : "unchanged";
  return { outcome, detail: [...found, ...unread].join("\n") };
}

/** Plans a stack that was initialized. */
async function look({ folder }: SynthesizedStack, own: boolean): Promise<Verdict> {
  try {
    const words = ["plan", "-input=false", "-no-color", "-lock=false", "-detailed-exitcode", `-out=${PLAN}`];
    const plan = await engine(folder, words);
    if (plan.status !== 0 && plan.status !== CHANGES) return { outcome: "failed", detail: plan.text };
    const shown = await engine(folder, ["show", "-json", PLAN]);
    const document = readDocument(shown.stdout);
    if (!document.ok)
      return { outcome: "failed", detail: shown.status === 0 ? `the plan ${document.error}` : shown.text };
    const findings = checkAll(own ? RULES_FOR_OWN : RULES, document.value).map(
      ({ rule, finding }) => `${rule.name}: ${finding}`,
    );
    // A change that a plan shows hides no other one.
    const behind: Verdict = own ? { outcome: "unchanged", detail: "" } : await lookBehind(document.value);
    const said = [...findings, ...(plan.status === CHANGES ? [plan.stdout] : []), behind.detail];
    const detail = said.filter((text) => text !== "").join("\n");
    if (behind.outcome === "failed") return { outcome: "failed", detail };
    if (findings.length > 0) return { outcome: "violates", detail };
    return { outcome: plan.status === CHANGES ? "drifted" : behind.outcome, detail };
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

/**
 * Every stack's verdict, in the order of the synthesis. Providers are installed for one stack after another: a plugin cache that stacks
 * share must not be written by two at once. Plans take no lock and have a folder each, so some of them run side by side.
 */
async function verdicts(stacks: readonly SynthesizedStack[], own: ReadonlySet<string>): Promise<readonly Verdict[]> {
  const found: Verdict[] = [];
  const running = new Set<Promise<unknown>>();
  const note = async (index: number, stack: SynthesizedStack): Promise<void> => {
    found[index] = await look(stack, own.has(stack.name));
  };
  for (const [index, stack] of stacks.entries()) {
    const init = await engine(stack.folder, ["init", "-input=false", "-no-color"]);
    if (init.status !== 0) {
      found[index] = { outcome: "failed", detail: init.text };
      continue;
    }
    if (running.size >= PLANS_AT_A_TIME) await Promise.race(running);
    const plan: Promise<unknown> = note(index, stack).finally(() => running.delete(plan));
    running.add(plan);
  }
  await Promise.all(running);
  return found;
}

/** What one object on standard output says, instead of lines. */
interface Report {
  stacks: readonly { readonly name: string; readonly outcome: string; readonly detail: string }[];
  /** As `mcpist secrets verify --json` says it; null = it was not asked. */
  secrets: unknown;
}

/** @returns exit code. */
async function plans(outdir: string, report: Report): Promise<number> {
  const [program, ...words] = application();
  const synth = await children.run(program, words, process.cwd());
  process.stderr.write(synth.text);
  if (synth.status !== 0) return synth.status;
  const stacks = synthesizedStacks(outdir);
  const found = await verdicts(stacks, ownStacks(outdir));
  const width = Math.max(...stacks.map(({ name }) => name.length));
  report.stacks = stacks.map(({ name }, index) => ({ name, ...(found[index] ?? { outcome: "failed", detail: "" }) }));
  for (const { name, detail, outcome } of report.stacks) {
    if (detail !== "") process.stderr.write(`${name}:\n${detail.replaceAll(/^/gm, "  ")}\n`);
    (AS_JSON ? process.stderr : process.stdout).write(`${name.padEnd(width)}  ${outcome}\n`);
  }
  const outcomes = new Set(found.map(({ outcome }) => outcome));
  if (outcomes.has("failed")) return 1;
  return outcomes.has("drifted") || outcomes.has("violates") ? 3 : 0;
}

/** @returns exit code of `mcpist secrets verify`. */
function secrets(report: Report): number {
  const { MCPIST_CONFIG_FILE: file } = process.env;
  const verify = spawnSync(
    process.execPath,
    [
      join(import.meta.dirname, `../cli/main.${PACKAGED ? "js" : "ts"}`),
      "secrets",
      "verify",
      ...(file ? ["--config", file] : []),
      ...(AS_JSON ? ["--json"] : []),
    ],
    { stdio: ["inherit", AS_JSON ? "pipe" : "inherit", "inherit"], encoding: "utf8" },
  );
  report.secrets = AS_JSON ? readJson(verify.stdout) : null;
  return verify.status ?? 1;
}

/** null where a program was ended before it said anything. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A plan that could not be made outranks what the secrets say, and a secret that cannot be proven outranks drift. */
async function main(report: Report): Promise<number> {
  const outdir = process.env["CDKTF_OUTDIR"] || "cdktf.out";
  const giveBack = await takeTurn(outdir, () => {
    process.stderr.write(`another drift check works in ${outdir}: waiting for it\n`);
  }).catch((error: unknown) => {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    return null;
  });
  if (giveBack === null) return 1;
  let found: number;
  try {
    found = await plans(outdir, report);
  } finally {
    giveBack();
    children.close();
  }
  if (children.interrupted) return INTERRUPTED;
  if (found === 2) return found;
  const verified = secrets(report);
  return found === 1 || verified === 0 ? found : verified;
}

const report: Report = { stacks: [], secrets: null };
process.exitCode = await main(report);
if (AS_JSON) process.stdout.write(`${JSON.stringify(report)}\n`);
