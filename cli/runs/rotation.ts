/** `mcpist secrets rotate`. */
import type { Context } from "../context.ts";
import { McpistError, type ExitCode } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { countdown } from "../patience.ts";
import { errorField, Progress, styles, type ReportedError, printProse } from "../output.ts";
import { reported } from "../reporter.ts";
import { openSession, type Session } from "../session.ts";
import { acceptedEverywhere, type Observation } from "../secrets/observation.ts";
import type { Since } from "../secrets/emergency.ts";
import type { Phase } from "../secrets/phase.ts";
import { seizeOrDetach } from "../secrets/emergency-lock.ts";
import { checkRoutes } from "../secrets/pool.ts";
import { rotate } from "../secrets/rotate.ts";
import type { Run } from "../secrets/run.ts";
import { acceptedKids } from "../../contract/slots.ts";
import { checkHome, wranglerPath } from "../targets/wrangler.ts";
import { withMissingSecret } from "./missing-secret.ts";
import type { RotateFlags } from "./rotation-flags.ts";
import { dryRun } from "./rotation-plan.ts";
import { checkSteal, takeLock } from "./take-lock.ts";
import { kidsOf, reportEnd, runLocked, type Ended } from "./locked.ts";

/** How long an emergency waits for GitHub: until it has the lock, and then at each call. Unit: milliseconds. */
const GITHUB_SILENCE_MS = 10_000;

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
  readonly error?: ReportedError;
}

function checkFlags(context: Context, flags: RotateFlags): void {
  const modes = [flags.init, flags.clean, flags.emergency !== undefined].filter(Boolean).length;
  if (modes > 1)
    throw new McpistError("ERR_USAGE", "--init, --clean and --emergency exclude each other", {
      hint: HINTS.helpOf("secrets rotate"),
    });
  if (flags.dryRun) return;
  checkSteal(context, flags);
  if (flags.emergency === "now" && !flags.yes && context.stdin.isTTY !== true)
    throw new McpistError("ERR_USAGE", "--yes is required without a terminal", { hint: HINTS.addYes() });
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

/** A rotation that is over. */
export interface Rotation {
  readonly ended: Ended<Phase>;
  readonly report: RotationReport;
}

/** Runs one rotation; used by the command, by `origins join` and by the demo. Never throws. */
export async function runRotation(
  context: Context,
  session: Session,
  flags: RotateFlags,
  progress: Progress,
  started: number = context.monotonic(),
): Promise<Rotation> {
  let targets: readonly TargetReport[] | null = null;
  const step = (name: string, work: () => Promise<void>) => reported(progress, context.signal, name, work);
  const ended = await runLocked(
    context,
    session,
    progress,
    async (run): Promise<Phase> => {
      await step("check accounts", async () => {
        // An emergency needs none of them: it uploads without wrangler, and GitHub's silence does not stop it.
        if (!flags.emergency) await Promise.all([wranglerPath(), checkHome(), session.targets.vault.check()]);
      });
      let lateMs = 0;
      await step("take the lock", async () => {
        if (flags.emergency) lateMs = await seizeLock(context, session, run);
        else await takeLock(session, run, flags);
      });
      const phase = await rotateOnce(session, run, flags, { started, lateMs }).catch(async (error: unknown) => {
        throw await withMissingSecret(session, error, () => run.observe());
      });
      if (phase.name === "UNSET") return phase;
      const last = await run.observe();
      targets = targetReports(last, run);
      const pool = last.origins.filter((origin) => origin.state === "pool");
      if (run.result.to && !acceptedEverywhere(pool, run.result.to.kid))
        throw new McpistError("ERR_PARTIAL", "an instance changed after the last check", {
          hint: HINTS.verify(),
        });
      return phase;
    },
    async (run, phase) => {
      if (phase === null) targets = targetReports(await run.observe(), run);
    },
  );
  const { failure, exitCode, durationMs, value } = ended;
  const report = {
    command: "secrets rotate",
    environment: session.name,
    ok: failure === null,
    exitCode,
    runId: session.journal.run,
    ...kidsOf(ended, value),
    targets: targets ?? [],
    steps: progress.steps,
    durationMs,
    ...errorField(context, failure),
  } as const;
  return { ended, report };
}

/** A platform that does not answer is named by the phase, with what to do about it. */
const SILENT: ReadonlySet<string> = new Set(["ERR_UNREACHABLE", "ERR_VENDOR", "ERR_RATE_LIMITED"]);

async function settled(run: Run, origin: Run["origins"][number]): Promise<void> {
  try {
    await origin.settle?.(run.journal.guard);
  } catch (error) {
    if (!(error instanceof McpistError) || !SILENT.has(error.code)) throw error;
  }
}

async function rotateOnce(session: Session, run: Run, flags: RotateFlags, since: Since): Promise<Phase> {
  if (flags.emergency) {
    const { emergency } = await import("../secrets/emergency.ts");
    return emergency(run, flags.emergency, since);
  }
  if (!flags.init) {
    await checkRoutes(session.targets.worker, session.environment.origins);
    // What an emergency left behind that was killed before it could take it back.
    await Promise.all(run.origins.map((origin) => settled(run, origin)));
  }
  return rotate(run, flags.init ? "init" : flags.clean ? "clean" : "rotate");
}

/** @returns how long the former holder of the lock may still have a write under way. Unit: milliseconds. */
async function seizeLock(context: Context, session: Session, run: Run): Promise<number> {
  session.hurry(countdown(context, GITHUB_SILENCE_MS));
  const lateMs = await seizeOrDetach(session.journal, (text) => run.report.note(text));
  session.hurry(() => GITHUB_SILENCE_MS);
  return lateMs;
}

/** The command. */
export async function runRotate(context: Context, flags: RotateFlags): Promise<ExitCode> {
  const started = context.monotonic();
  checkFlags(context, flags);
  const session = await openSession(context, flags);
  if (flags.dryRun) return dryRun(context, session, flags);
  const progress = new Progress(context, flags);
  const { ended, report } = await runRotation(context, session, flags, progress, started);
  const { command, from, to, targets, phase } = report;
  return reportEnd(context, session, { ...flags, command }, progress, ended, {
    json: { phase, from, to, targets },
    notice: {
      phase,
      from: from?.kid ?? null,
      to: to?.kid ?? null,
      origins: targets.map((target) => ({ name: target.name, text: wordsOf(target) })),
    },
    print: () => printReport(context, report),
  });
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
  printProse(
    context,
    `${style("green", "done")} ${what} in ${(report.durationMs / 1000).toFixed(1)} s, phase ${report.phase}\n${lines.join("\n")}${lines.length > 0 ? "\n" : ""}`,
  );
}
