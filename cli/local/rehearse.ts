/**
 * `mcpist rehearse`: an environment of mcpist.config.ts on the local cloud, through what its operator will meet: the first deploy, a
 * rotation, the loss of a platform and a leaked secret. Reaches nothing real; what stands in for what is said before anything starts.
 */
import { isHere } from "../../contract/rehearsal.ts";
import { neededSecrets } from "../../contract/secret-names.ts";
import type { Context } from "../context.ts";
import { EXIT, toMcpistError, type ExitCode, type McpistError } from "../errors.ts";
import type { WrittenEnvironment } from "../load-config.ts";
import { mcpist, page, quoted } from "../hints/hint.ts";
import { printError, printJson, Progress, styles, printProse } from "../output.ts";
import { reported } from "../reporter.ts";
import type { CommonFlags } from "../session.ts";
import { ACTS, type Act, type Outcome, type Stage } from "./acts.ts";
import { loadFor } from "./traffic-load.ts";
import { deployService, rehearsed, startLocalCloud } from "./local-cloud.ts";
import { checkCommand, runInside } from "./sandbox.ts";

/** Flags of the command. */
export interface RehearseFlags extends CommonFlags {
  readonly command: readonly string[];
  readonly users: number;
  readonly rate?: number | undefined;
  readonly empty: boolean;
  readonly ownDrain: boolean;
}

/** How an act went. Unit: milliseconds. */
interface Played extends Outcome {
  readonly name: Act["name"];
  readonly durationMs: number;
}

/** The command. */
export async function runRehearse(context: Context, flags: RehearseFlags): Promise<ExitCode> {
  const started = context.monotonic();
  const named = flags.env ?? (context.env["MCPIST_ENV"] || undefined);
  const rehearses = await rehearsed(context, named, flags.config);
  checkCommand(context, flags.command);
  const load = loadFor(rehearses.environment.limits, flags);
  const progress = new Progress(context, flags);
  for (const line of standIns(rehearses, flags)) progress.note(line);
  const cloud = await reported(progress, context.signal, `start a local cloud for ${rehearses.name}`, () =>
    startLocalCloud(context, flags, { rehearses, ownDrain: flags.ownDrain, control: true }),
  );
  try {
    if (flags.command.length > 0) {
      if (!flags.empty) await deployService(cloud, progress);
      await progress.end();
      return await runInside(context, cloud, flags.command);
    }
    const stage: Stage = { cloud, load, progress };
    const played: Played[] = [];
    let failure: McpistError | null = null;
    for (const act of ACTS) {
      context.signal.throwIfAborted();
      const began = context.monotonic();
      const finished = (outcome: Outcome): void =>
        void played.push({ name: act.name, durationMs: Math.round(context.monotonic() - began), ...outcome });
      try {
        finished(await act.play(stage));
      } catch (error) {
        failure = toMcpistError(context, error);
        finished({ ok: false, summary: [failure.message] });
        // Whatever came next would begin from a state that nobody meant.
        break;
      }
    }
    await progress.end();
    const ok = played.length === ACTS.length && played.every((act) => act.ok);
    const exitCode: ExitCode = ok ? EXIT.done : (failure?.exitCode ?? EXIT.failed);
    const report = {
      command: "rehearse",
      environment: rehearses.name,
      ok,
      exitCode,
      durationMs: Math.round(context.monotonic() - started),
      acts: played,
    };
    if (flags.json) printJson(context, report);
    else printReport(context, rehearses.name, played);
    if (failure && !flags.json) printError(context, failure, flags.debug);
    return exitCode;
  } finally {
    await progress.end();
    await cloud.sandbox.close();
  }
}

/** What is not as it will be, one sentence each. */
function standIns({ name, environment }: WrittenEnvironment, { ownDrain }: RehearseFlags): readonly string[] {
  const { image, auth, drain, servers } = environment;
  const elsewhere = Object.keys(servers).filter((server) => servers[server] && !isHere(servers[server]));
  return [
    `rehearsal of ${name}: nothing real is reached, no token of yours is used`,
    `instead of ${image}: this program's own origin`,
    `instead of your sign-in (${new URL(auth.issuer).host}): the local cloud's`,
    `made up: ${neededSecrets(environment).join(", ")}`,
    ...(elsewhere.length === 0 ? [] : [`left out, since they are elsewhere: ${elsewhere.join(", ")}`]),
    ...(ownDrain ? [] : [`drains take seconds, not ${Math.round(drain.minAge / 1000)} s and more: --own-drain`]),
  ];
}

function printReport(context: Context, name: string, played: readonly Played[]): void {
  const { place } = context;
  const style = styles(context, context.stdout);
  const lines = ACTS.flatMap((act) => {
    const result = played.find((candidate) => candidate.name === act.name);
    if (!result) return [`${style("dim", "not run")}  ${act.title}`];
    const mark = result.ok ? style("green", "ok     ") : style("red", "failed ");
    const head = `${mark}  ${act.title.padEnd(20)}${(result.durationMs / 1000).toFixed(1).padStart(6)} s`;
    return [head, ...result.summary.map((line) => `           ${line}`)];
  });
  printProse(context, `\nRehearsal of ${name}, everything on this machine:\n\n${lines.join("\n")}\n\n`);
  printProse(
    context,
    `By hand:       ${mcpist(`sandbox --env ${quoted(name)}`)(place)}\nThe runbooks:  ${page("docs/runbooks/")(place)}\n`,
  );
}
