/** What `secrets rollback` and `secrets restore` have in common: one change under the lock, reported like a rotation. */
import type { Context } from "../context.ts";
import type { ExitCode } from "../errors.ts";
import { Progress, styles, printProse } from "../output.ts";
import type { Phase } from "../secrets/phase.ts";
import type { Run } from "../secrets/run.ts";
import type { CommonFlags, Session } from "../session.ts";
import { kidsOf, reportEnd, runLocked } from "./locked.ts";
import { checkSteal, takeLock } from "./take-lock.ts";
import { targetReports, type TargetReport } from "./rotation.ts";

/** Runs `work` under the lock and reports the phase that it ends in. */
export async function runChange(
  context: Context,
  session: Session,
  flags: CommonFlags & { readonly stealLock?: string | undefined; readonly command: string },
  work: (run: Run) => Promise<Phase>,
): Promise<ExitCode> {
  checkSteal(context, flags);
  const progress = new Progress(context, flags);
  let targets: readonly TargetReport[] = [];
  const ended = await runLocked(
    context,
    session,
    progress,
    async (run) => {
      await takeLock(session, run, flags);
      return work(run);
    },
    async (run) => {
      targets = targetReports(await run.observe(), run);
    },
  );
  const phase = ended.value;
  const kids = kidsOf(ended, phase);
  return reportEnd(context, session, flags, progress, ended, {
    json: { ...kids, targets },
    notice: { phase: kids.phase, from: kids.from?.kid ?? null, to: kids.to?.kid ?? null },
    print: () => {
      const style = styles(context, context.stdout);
      const seconds = (ended.durationMs / 1000).toFixed(1);
      printProse(
        context,
        `${style("green", "done")} ${flags.command} in ${seconds} s, phase ${kids.phase}, live ${phase?.live ?? "none"}\n`,
      );
    },
  });
}
