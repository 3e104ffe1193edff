/**
 * What every command that writes under the lock has in common: work, look once more, give the lock back, report. The end is the same
 * whatever the work threw: no candidate in memory, no lock kept, one JSON object or one sentence, one notification.
 */
import type { Context } from "../context.ts";
import { EXIT, type McpistError, toMcpistError, withExitCode, type ExitCode } from "../errors.ts";
import { errorField, printError, printJson, type Progress } from "../output.ts";
import type { Phase } from "../secrets/phase.ts";
import type { Run } from "../secrets/run.ts";
import type { CommonFlags, Session } from "../session.ts";
import { notify, type Notice } from "./notify.ts";

/** How a run ended. */
export interface Ended<T> {
  readonly run: Run;
  /** What the work came to; null when it failed. */
  readonly value: T | null;
  readonly failure: McpistError | null;
  readonly exitCode: ExitCode;
  /** Unit: milliseconds. */
  readonly durationMs: number;
}

/**
 * Runs `work`, which takes the lock when it needs it, and gives the lock back in every case. Never throws.
 * @param last is called when the work is over, while the lock is still held.
 */
export async function runLocked<T>(
  context: Context,
  session: Session,
  progress: Progress,
  work: (run: Run) => Promise<T>,
  last: (run: Run, value: T | null) => Promise<void> = async () => undefined,
): Promise<Ended<T>> {
  const started = context.monotonic();
  const run = session.run(progress);
  let value: T | null = null;
  let failure: McpistError | null = null;
  const fail = (error: unknown): McpistError => {
    const own = toMcpistError(context, error);
    return withExitCode(own, run.exitCodeOf(own));
  };
  try {
    value = await work(run);
  } catch (error) {
    failure = fail(error);
  }
  await last(run, value).catch(() => undefined);
  run.candidate?.secret.wipe();
  // Whose lock was taken before its last words were written is not done. A lock that stays because GitHub is silent is taken when its process is gone, or with --steal-lock.
  const lost = await session.journal.release({ result: failure ? failure.code : "done" }).catch(() => null);
  if (lost) failure ??= fail(lost);
  await progress.end();
  const durationMs = Math.round(context.monotonic() - started);
  return { run, value, failure, exitCode: failure?.exitCode ?? EXIT.done, durationMs };
}

/** What a report says of the secrets: the phase, the old one and the new one. */
export const kidsOf = ({ run }: Ended<unknown>, phase: Phase | null) => ({
  phase: phase?.name ?? "?",
  from: run.result.from,
  to: run.result.to,
});

/** What is special about a command's report. */
export interface Report {
  /** Fields of the JSON object between the common ones. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Fields of the notification. */
  readonly notice: Partial<Notice>;
  /** The answer for people when all went well. */
  readonly print: () => void;
}

/** Prints how a run ended and tells those who want to know. */
export async function reportEnd(
  context: Context,
  session: Session,
  flags: CommonFlags & { readonly command: string },
  progress: Progress,
  ended: Ended<unknown>,
  { json, notice, print }: Report,
): Promise<ExitCode> {
  const { failure, exitCode, durationMs } = ended;
  const runId = session.journal.run;
  const error = errorField(context, failure);
  if (flags.json)
    printJson(context, {
      command: flags.command,
      environment: session.name,
      ok: failure === null,
      exitCode,
      runId,
      ...json,
      steps: progress.steps,
      durationMs,
      ...error,
    });
  else if (failure) printError(context, failure, flags.debug);
  else print();
  await notify(context, session, {
    outcome: failure ? "failed" : "done",
    command: flags.command,
    exitCode,
    runId,
    durationMs,
    ...notice,
    ...error,
  });
  return exitCode;
}
