/** What every command that writes under the lock has in common: lock, work, look, release, report. */
import type { Context } from "../context.ts";
import { EXIT, withExitCode, type ExitCode, type McpistError, toMcpistError } from "../errors.ts";
import { printError, printJson, Progress, styles } from "../output.ts";
import type { Phase } from "../secrets/phase.ts";
import type { Run } from "../secrets/run.ts";
import type { CommonFlags, Session } from "../session.ts";
import { notify } from "./notify.ts";
import { targetReports, type TargetReport } from "./secrets-rotate.ts";

/** Runs `work` under the lock and reports it the way `secrets rotate` does. */
export async function finishRun(
  context: Context,
  session: Session,
  flags: CommonFlags & { readonly stealLock?: string; readonly command: string },
  work: (run: Run) => Promise<Phase>,
): Promise<ExitCode> {
  const started = context.monotonic();
  const progress = new Progress(context, flags);
  const run = session.run(progress);
  let phase: Phase | null = null;
  let failure: McpistError | null = null;
  try {
    await session.journal.acquire(flags.stealLock);
    phase = await work(run);
  } catch (error) {
    const own = toMcpistError(context, error);
    failure = withExitCode(own, run.exitCodeOf(own));
  }
  const targets: readonly TargetReport[] = await run.observe().then(
    (last) => targetReports(last, run),
    () => [],
  );
  await session.journal.release({ result: failure ? failure.code : "done" }).catch(() => undefined);
  await progress.end();
  const exitCode = failure?.exitCode ?? EXIT.done;
  const durationMs = Math.round(context.monotonic() - started);
  if (flags.json) {
    printJson(context, {
      command: flags.command,
      environment: session.name,
      ok: failure === null,
      exitCode,
      runId: session.journal.run,
      phase: phase?.name ?? "?",
      from: run.result.from,
      to: run.result.to,
      targets,
      steps: progress.steps,
      durationMs,
      ...(failure ? { error: { code: failure.code, message: failure.message, hint: failure.hint ?? null } } : {}),
    });
  } else if (failure) printError(context, failure, flags.debug);
  else {
    const style = styles(context, context.stdout);
    context.stdout.write(
      `${style("green", "done")} ${flags.command} in ${(durationMs / 1000).toFixed(1)} s, phase ${phase?.name ?? "?"}, live ${phase?.live ?? "none"}\n`,
    );
  }
  await notify(context, session, {
    outcome: failure ? "failed" : "done",
    command: flags.command,
    exitCode,
    runId: session.journal.run,
    phase: phase?.name ?? "?",
    from: run.result.from?.kid ?? null,
    to: run.result.to?.kid ?? null,
    durationMs,
    ...(failure ? { error: { code: failure.code, message: failure.message, hint: failure.hint ?? null } } : {}),
  });
  return exitCode;
}
