/** How an ordinary command comes to the lock: it is free, or its holder is proven dead, and then that is said. */
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { Run } from "../secrets/run.ts";
import type { Session } from "../session.ts";

/** What a command may say about the lock. */
export interface LockFlags {
  /** Run, or workflow run, that is dead. */
  readonly stealLock?: string | undefined;
  readonly yes: boolean;
}

/** @throws {McpistError} ERR_USAGE where nobody could be asked. */
export function checkSteal(context: Context, { stealLock, yes }: LockFlags): void {
  if (stealLock !== undefined && !yes && context.stdin.isTTY !== true)
    throw new McpistError("ERR_USAGE", "--yes is required without a terminal", { hint: HINTS.addYes() });
}

/** @throws {McpistError} ERR_LOCKED while somebody holds it who may be alive. */
export async function takeLock(session: Session, run: Run, { stealLock }: LockFlags): Promise<void> {
  const former = await session.journal.acquire(stealLock);
  if (!former) return;
  const { actor, run: id, workflow } = former.entry;
  run.report.note(
    `took the lock of run ${id} (${actor}${workflow === "local" ? "" : `, workflow run ${workflow}`}), which is over`,
  );
}
