/** `mcpist drift`: the stacks' own program, with the environment that is meant. */
import { isRecord } from "../../contract/json.ts";
import type { Context } from "../context.ts";
import type { ExitCode } from "../errors.ts";
import type { CommonFlags } from "../flags.ts";
import { loadEnvironment } from "../load-config.ts";
import { printJson } from "../output.ts";
import { needPeers } from "../peers.ts";
import { tokensFor } from "../session.ts";
import { runBeside, stacksPlace } from "./engine.ts";

/** The command. @returns the code of `stacks/drift`. */
export async function runDrift(context: Context, flags: CommonFlags): Promise<ExitCode> {
  const { name, environment } = await loadEnvironment(context, flags.env, flags.config);
  needPeers("stacks");
  await tokensFor(context, environment);
  const place = stacksPlace(context.cwd, flags.config, name);
  const start = { environment: name, json: flags.json, keep: flags.json, place };
  const { exitCode, stdout } = await runBeside(context, "stacks/drift", flags.json ? ["--json"] : [], start);
  if (flags.json)
    printJson(context, { command: "drift", ok: exitCode === 0, exitCode, environment: name, ...found(stdout) });
  return exitCode as ExitCode;
}

/** What the check says of each stack and of the secrets. Nothing where it ended before it looked. */
function found(stdout: string): object {
  try {
    const report: unknown = JSON.parse(stdout);
    return isRecord(report) ? { stacks: report["stacks"], secrets: report["secrets"] } : {};
  } catch {
    return {};
  }
}
