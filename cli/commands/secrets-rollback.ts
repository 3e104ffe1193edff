/** `mcpist secrets rollback`: the previous secret becomes the live one again, without a value. Only before retirement. */
import type { Context } from "../context.ts";
import type { ExitCode } from "../errors.ts";
import { openSession, type CommonFlags } from "../session.ts";
import { checkRoutes } from "../secrets/pool.ts";
import { rollback } from "../secrets/rollback.ts";
import { finishRun } from "../runs/change.ts";

/** The command. */
export async function secretsRollback(
  context: Context,
  flags: CommonFlags & { readonly stealLock?: string },
): Promise<ExitCode> {
  const session = await openSession(context, flags);
  return finishRun(context, session, { ...flags, command: "secrets rollback" }, async (run) => {
    await checkRoutes(session.targets.worker, session.environment.origins);
    return rollback(run);
  });
}
