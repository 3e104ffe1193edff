/**
 * `mcpist deploy`: Terraform between two looks at the secrets. A deploy never writes a slot; the looks prove that it did not lose or
 * change one either.
 */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Environment } from "../../contract/config.ts";
import { isRecord } from "../../contract/json.ts";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import type { CommonFlags } from "../flags.ts";
import { HINTS } from "../hints/hints.ts";
import { loadEnvironment } from "../load-config.ts";
import { printJson } from "../output.ts";
import { needPeers } from "../peers.ts";
import { tokensFor } from "../session.ts";
import { outdirOf, type Place, runBeside, runCdktn, stacksPlace } from "./engine.ts";

/** Flags of the command. */
export interface DeployFlags extends CommonFlags {
  readonly base: boolean;
  readonly first: boolean;
  readonly dryRun: boolean;
}

/** On what `cdktn` is run. */
interface StacksOptions {
  readonly environment: string;
  readonly json: boolean;
  readonly place: Place;
}

/** What `secrets verify --json` says. */
export interface Look {
  readonly exitCode: number;
  /** Kid of the live secret; null = none is known. */
  readonly live: string | null;
  /** Somebody could not be asked: nobody knows whether all agree. */
  readonly blind: boolean;
  /** Why it could not look, as it has said itself; null = it looked. */
  readonly error: object | null;
}

/** What is deployed, as patterns of stack names. */
export const patternsOf = (name: string, base: boolean): readonly string[] =>
  base ? [`${name}-base-*`] : [`${name}-base-*`, `${name}-service-*`];

/**
 * Names of a synthesis that belong to the patterns, in the order of the manifest. `cdktn diff` takes one name and no pattern.
 * @param manifest text of cdktf.out/manifest.json
 */
export function stacksOf(manifest: string, patterns: readonly string[]): readonly string[] {
  const parsed: unknown = JSON.parse(manifest);
  const names = isRecord(parsed) && isRecord(parsed["stacks"]) ? Object.keys(parsed["stacks"]) : [];
  return patterns.flatMap((pattern) => names.filter((name) => name.startsWith(pattern.slice(0, -1))));
}

/** Plans every stack that would be deployed, and changes nothing. @throws {McpistError} ERR_CHILD naming the step that failed. */
async function plan(context: Context, patterns: readonly string[], options: StacksOptions): Promise<void> {
  const run = async (...words: string[]) => {
    const { exitCode } = await runCdktn(context, words, options);
    if (exitCode !== 0)
      throw new McpistError("ERR_CHILD", `cdktn ${words.slice(0, 2).join(" ")} failed`, { hint: HINTS.readAbove() });
  };
  await run("synth");
  const output = resolve(options.place.cwd, outdirOf(context));
  const stacks = stacksOf(await readFile(join(output, "manifest.json"), "utf8"), patterns);
  for (const stack of stacks) await run("diff", stack, "--skip-synth");
}

/** @returns null when the answer is not the one JSON object. */
export function readLook(exitCode: number, stdout: string): Look | null {
  try {
    const answer: unknown = JSON.parse(stdout);
    if (!isRecord(answer)) return null;
    const { live, phase, error } = answer;
    return {
      exitCode,
      live: typeof live === "string" ? live : null,
      blind: phase === "BLIND",
      error: isRecord(error) ? error : null,
    };
  } catch {
    return null;
  }
}

async function look(context: Context, environment: string, config: string): Promise<Look> {
  const words = ["secrets", "verify", "--json", "--config", config];
  const { exitCode, stdout } = await runBeside(context, "cli/main", words, { environment, keep: true });
  const found = readLook(exitCode, stdout);
  if (found) return found;
  throw new McpistError("ERR_CHILD", "the secrets could not be looked at", { hint: HINTS.verifyFirst() });
}

/** What a look says where not all is well. */
const faultOf = ({ blind }: Look): string =>
  blind ? "somebody could not be asked for the gateway secret" : "the parties do not agree on one gateway secret";

/** Ends as the look did that could not look: it has said why, and nothing of ours is to be added. */
function endAs({ exitCode, error }: Look, context: Context, environment: string, json: boolean): ExitCode {
  if (json) printJson(context, { command: "deploy", ok: false, exitCode, environment, error });
  return exitCode as ExitCode;
}

/** Instances that a deploy has just started answer after a while. Unit: milliseconds. */
const SETTLE_MS = 180_000;
const PAUSE_MS = 5_000;

/** Looks until the parties agree, or for three minutes. @param look what `secrets verify` says now */
export async function settled(
  look: () => Promise<Look>,
  { monotonic, sleep, stderr }: Pick<Context, "monotonic" | "sleep" | "stderr">,
): Promise<Look> {
  const until = monotonic() + SETTLE_MS;
  for (let told = false; ; told = true) {
    const found = await look();
    if (found.exitCode !== EXIT.refused || monotonic() >= until) return found;
    if (!told) stderr.write("wait  what was just deployed to be in step, up to 3 min\n");
    await sleep(PAUSE_MS);
  }
}

/** A machine of a pipeline forgets its disk. @throws {McpistError} ERR_REFUSED */
function refuseLostState(context: Context, { backend, cloudflare }: Environment): void {
  if (backend.type !== "local" || !context.env["CI"] || cloudflare.url !== undefined) return;
  throw new McpistError(
    "ERR_REFUSED",
    "the state would be kept on this machine, and a pipeline's machine is gone afterwards",
    {
      hint: HINTS.stateInBucket(),
    },
  );
}

/** The command. */
export async function runDeploy(context: Context, flags: DeployFlags): Promise<ExitCode> {
  if (flags.base && flags.first)
    throw new McpistError("ERR_USAGE", "--base and --first exclude each other", { hint: HINTS.helpOf("deploy") });
  const { name, environment } = await loadEnvironment(context, flags.env, flags.config);
  needPeers("stacks");
  const patterns = patternsOf(name, flags.base);
  const options = { environment: name, json: flags.json, place: stacksPlace(context.cwd, flags.config, name) };
  // Terraform, and each look, would say it in its own words, one after the other.
  await tokensFor(context, environment);
  if (flags.dryRun) {
    await plan(context, patterns, options);
    if (flags.json)
      printJson(context, { command: "deploy", ok: true, exitCode: EXIT.done, environment: name, dryRun: true });
    return EXIT.done;
  }
  refuseLostState(context, environment);
  const before = flags.base || flags.first ? null : await look(context, name, flags.config);
  if (before?.error) return endAs(before, context, name, flags.json);
  if (before && before.exitCode !== EXIT.done)
    throw new McpistError("ERR_DRIFT", `${faultOf(before)}: nothing was deployed`, {
      hint: HINTS.verifyFirst(),
    });
  const words = ["deploy", ...patterns, ...(flags.yes ? ["--auto-approve"] : [])];
  const { exitCode } = await runCdktn(context, words, options);
  const looked = () => look(context, name, flags.config);
  // What failed does not come into step by waiting.
  const after = flags.base ? null : await (exitCode === 0 ? settled(looked, context) : looked());
  if (before && after && !after.error && before.live !== after.live)
    throw new McpistError(
      "ERR_MISMATCH",
      `the live gateway secret was ${before.live ?? "?"} before and is ${after.live ?? "?"}`,
      {
        hint: HINTS.verifyFirst(),
      },
    );
  if (exitCode !== 0)
    throw new McpistError("ERR_PARTIAL", "cdktn deploy failed; what was made is in the state", {
      hint: HINTS.readAbove(),
    });
  if (after?.error) return endAs(after, context, name, flags.json);
  if (after && after.exitCode !== EXIT.done)
    throw new McpistError("ERR_DRIFT", `it is deployed, and ${faultOf(after)}`, {
      hint: HINTS.verifyFirst(),
    });
  if (flags.json)
    printJson(context, {
      command: "deploy",
      ok: true,
      exitCode: EXIT.done,
      environment: name,
      live: after?.live ?? null,
    });
  return EXIT.done;
}
