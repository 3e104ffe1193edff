/** `mcpist secrets restore TARGET`. */
import type { Context } from "../context.ts";
import type { ExitCode } from "../errors.ts";
import { openSession, type CommonFlags } from "../session.ts";
import { restore } from "../secrets/restore.ts";
import { finishRun } from "../runs/change.ts";

/** The command. */
export async function secretsRestore(
  context: Context,
  flags: CommonFlags & { readonly target: string; readonly stealLock?: string },
): Promise<ExitCode> {
  const session = await openSession(context, flags);
  return finishRun(context, session, { ...flags, command: "secrets restore" }, (run) => restore(run, flags.target));
}
