/** `mcpist secrets rotate`. */
import type { Context } from "../context.ts";
import { EXIT, McpistError, withExitCode, type ExitCode, toMcpistError } from "../errors.ts";
import { printJson, Progress, styles } from "../output.ts";
import { openSession, type CommonFlags, type Session } from "../session.ts";
import { adopt } from "../secrets/actions/adopt.ts";
import { acceptedEverywhere, phaseOf, type Observation, type Phase } from "../secrets/phase.ts";
import { planOf } from "../secrets/plan.ts";
import { checkRoutes } from "../secrets/pool.ts";
import { rotate } from "../secrets/rotate.ts";
import type { Run } from "../secrets/run.ts";
import { acceptedKids } from "../../contract/observation.ts";
import { checkGithub } from "../targets/github.ts";
import { wranglerPath } from "../targets/wrangler.ts";
import { notify, type Notice } from "./notify.ts";

/** Flags of the command. */
export interface RotateFlags extends CommonFlags {
  readonly init: boolean;
  readonly clean: boolean;
  readonly emergency?: "fast" | "now";
  readonly dryRun: boolean;
  readonly stealLock?: string;
}

/** One origin at the end of a run. */
export interface TargetReport {
  readonly name: string;
  readonly kind: string;
  /** Instances that answered. */
  readonly instances: number;
  /** Instances that accept the new secret. */
  readonly accepted: number;
  /** Instances that refuse the old one. */
  readonly retired: number;
  /** How the old secret's death was shown here; null before it was. */
  readonly proof: string | null;
}

/** What `--json` prints. Unit: milliseconds. */
export interface RotationReport {
  readonly command: "secrets rotate";
  readonly environment: string;
  readonly ok: boolean;
  readonly exitCode: ExitCode;
  readonly runId: string;
  readonly phase: string;
  readonly from: { readonly slot: string; readonly kid: string } | null;
  readonly to: { readonly slot: string; readonly kid: string } | null;
  readonly targets: readonly TargetReport[];
  readonly steps: Progress["steps"];
  readonly durationMs: number;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string | null };
}

function checkFlags(context: Context, flags: RotateFlags): void {
  const modes = [flags.init, flags.clean, flags.emergency !== undefined].filter(Boolean).length;
  if (modes > 1)
    throw new McpistError("ERR_USAGE", "--init, --clean and --emergency exclude each other", {
      hint: "mcpist secrets rotate --help",
    });
  const dangerous = flags.emergency === "now" || flags.stealLock !== undefined;
  if (dangerous && !flags.dryRun && !flags.yes && context.stdin.isTTY !== true) {
    throw new McpistError("ERR_USAGE", "this needs --yes where nobody can be asked", { hint: "add --yes" });
  }
}

/** What every origin looks like now, for the report. */
export function targetReports(observation: Observation, run: Run): readonly TargetReport[] {
  const { from, to, proof } = run.result;
  return observation.origins.map((origin) => {
    const kind = run.targets.origins.find((target) => target.name === origin.name)?.kind ?? "";
    const instances = origin.look.ok ? origin.look.instances : [];
    const accepts = (kid: string | undefined) =>
      instances.filter((instance) => kid !== undefined && acceptedKids(instance.kids).includes(kid)).length;
    return {
      name: origin.name,
      kind,
      instances: instances.length,
      accepted: accepts(to?.kid),
      retired: from ? instances.length - accepts(from.kid) : instances.length,
      proof: proof[origin.name] ?? null,
    };
  });
}

/** Runs one rotation and reports it; used by the command and by the demo. */
export async function runRotation(
  context: Context,
  session: Session,
  flags: RotateFlags,
  progress: Progress,
): Promise<RotationReport> {
  const started = context.monotonic();
  const run = session.run(progress);
  let phase: Phase | null = null;
  let failure: McpistError | null = null;
  let targets: readonly TargetReport[] = [];
  try {
    await progressStep(progress, "check accounts", async () => {
      await Promise.all([
        wranglerPath(),
        flags.emergency ? null : checkGithub(session.apis.github, session.environment.github),
      ]);
    });
    await progressStep(progress, "take the lock", () => takeLock(session, flags));
    if (flags.emergency) {
      const { emergency } = await import("../secrets/emergency.ts");
      phase = await emergency(run, flags.emergency);
    } else {
      if (!flags.init) await checkRoutes(session.targets.worker, session.environment.origins);
      phase = await rotate(run, { init: flags.init, clean: flags.clean }, adopt);
    }
    if (phase !== null && phase.name !== "UNSET") {
      const last = await run.observe();
      targets = targetReports(last, run);
      if (
        run.result.to &&
        !acceptedEverywhere(
          last.origins.filter((origin) => origin.state === "pool"),
          run.result.to.kid,
        )
      ) {
        throw new McpistError("ERR_PARTIAL", "an instance changed after the last check", {
          hint: "mcpist secrets verify",
        });
      }
    }
  } catch (error) {
    const own = toMcpistError(context, error);
    failure = withExitCode(own, run.exitCodeOf(own));
    targets = await run.observe().then(
      (last) => targetReports(last, run),
      () => [],
    );
  }
  run.candidate?.secret.wipe();
  const exitCode = failure?.exitCode ?? EXIT.done;
  await session.journal.release({ result: failure ? failure.code : "done" }).catch(() => undefined);
  await progress.end();
  return {
    command: "secrets rotate",
    environment: session.name,
    ok: failure === null,
    exitCode,
    runId: session.journal.run,
    phase: phase?.name ?? "?",
    from: run.result.from,
    to: run.result.to,
    targets,
    steps: progress.steps,
    durationMs: Math.round(context.monotonic() - started),
    ...(failure ? { error: { code: failure.code, message: failure.message, hint: failure.hint ?? null } } : {}),
  };
}

/** A GitHub outage must not keep a leaked secret alive: with --steal-lock an emergency goes on without a journal. */
async function takeLock(session: Session, flags: RotateFlags): Promise<void> {
  try {
    await session.journal.acquire(flags.stealLock);
  } catch (error) {
    const outage =
      error instanceof McpistError &&
      (error.code === "ERR_UNREACHABLE" || error.code === "ERR_VENDOR" || error.code === "ERR_RATE_LIMITED");
    if (!flags.emergency || flags.stealLock === undefined || !outage) throw error;
    session.journal.detach();
  }
}

async function progressStep(progress: Progress, name: string, work: () => Promise<void>): Promise<void> {
  const end = progress.begin(name);
  try {
    await work();
    end("done");
  } catch (error) {
    end("failed");
    throw error;
  }
}

/** The command. */
export async function secretsRotate(context: Context, flags: RotateFlags): Promise<ExitCode> {
  checkFlags(context, flags);
  const session = await openSession(context, flags);
  if (flags.dryRun) return dryRun(context, session, flags);
  const progress = new Progress(context, flags);
  const report = await runRotation(context, session, flags, progress);
  if (flags.json) printJson(context, report);
  if (report.error) {
    if (!flags.json) {
      const { printError } = await import("../output.ts");
      const { code, message, hint } = report.error;
      printError(
        context,
        new McpistError(code as McpistError["code"], message, { hint: hint ?? undefined }),
        flags.debug,
      );
    }
  } else if (!flags.json) printReport(context, report);
  await notify(context, session, noticeOf(report));
  return report.exitCode;
}

/** What the webhook and the job summary say. */
function noticeOf(report: RotationReport): Notice {
  const { command, ok, exitCode, runId, phase, from, to, durationMs, error } = report;
  const origins = report.targets.map((target) => ({ name: target.name, text: wordsOf(target) }));
  const kids = { from: from?.kid ?? null, to: to?.kid ?? null };
  return {
    outcome: ok ? "done" : "failed",
    command,
    exitCode,
    runId,
    phase,
    ...kids,
    durationMs,
    origins,
    ...(error ? { error } : {}),
  };
}

const wordsOf = ({ accepted, retired, instances, proof }: TargetReport): string =>
  `accepts the new secret ${accepted}/${instances}, refuses the old one ${retired}/${instances}${proof ? `, proof: ${proof}` : ""}`;

/** The answer for people. */
export function printReport(context: Context, report: RotationReport): void {
  const style = styles(context, context.stdout);
  const lines = report.targets.map((target) => `  ${target.name.padEnd(10)} ${wordsOf(target)}`);
  const what =
    report.from && report.to
      ? `${report.from.kid} (slot ${report.from.slot}) -> ${report.to.kid} (slot ${report.to.slot})`
      : (report.to?.kid ?? "nothing to do");
  context.stdout.write(
    `${style("green", "done")} ${what} in ${(report.durationMs / 1000).toFixed(1)} s, phase ${report.phase}\n${lines.join("\n")}${lines.length > 0 ? "\n" : ""}`,
  );
}

async function dryRun(context: Context, session: Session, flags: RotateFlags): Promise<ExitCode> {
  const progress = new Progress(context, flags);
  const run = session.run(progress);
  const observation = await run.observe();
  const phase = phaseOf(observation);
  const steps = planOf(phase, { ...flags, origins: run.origins.map((origin) => origin.name) });
  await progress.end();
  if (flags.json) {
    printJson(context, {
      command: "secrets rotate",
      environment: session.name,
      dryRun: true,
      ok: true,
      exitCode: EXIT.done,
      phase: phase.name,
      live: phase.live,
      other: phase.other,
      steps,
    });
  } else {
    context.stdout.write(
      `phase ${phase.name}, live ${phase.live ?? "none"}${phase.other ? `, other ${phase.other}` : ""}; nothing was written. The run would:\n`,
    );
    context.stdout.write(`${steps.map((step, i) => `  ${String(i + 1).padStart(2)}. ${step}`).join("\n")}\n`);
  }
  return EXIT.done;
}
