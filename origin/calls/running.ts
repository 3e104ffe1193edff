/**
 * Calls that run, by user, so that a user who is suspended or loses a grant does not go on with what was begun before. Knows nothing of
 * permissions: the caller says what is still allowed.
 */
import { addFor } from "../limits/by-user.ts";
import type { Permissions } from "../sieve/permissions.ts";

/** One call under way. */
export interface RunningCall {
  /** What it runs; null until that is known. */
  target: { readonly module: string; readonly tool: string } | null;
  /** Stops it. */
  readonly stop: () => void;
}

/** The calls of one origin. */
export interface Running {
  /** @returns forgets the call; may be called more than once */
  begin(userId: string, call: RunningCall): () => void;
  /** Stops what `user` (null = unknown) may not do any more. @returns how many calls were stopped */
  keep(userId: string, user: Permissions | null): number;
  has(userId: string): boolean;
}

/** Builds the list. */
export function createRunning(): Running {
  const calls = new Map<string, Set<RunningCall>>();
  const allows = (user: Permissions | null, { target }: RunningCall): boolean =>
    user?.active === true && (target === null || user.allowed.get(target.module)?.has(target.tool) === true);
  return {
    begin: (userId, call) => addFor(calls, userId, call),
    keep(userId, user) {
      const stopped = [...(calls.get(userId) ?? [])].filter((call) => !allows(user, call));
      for (const call of stopped) call.stop();
      return stopped.length;
    },
    has: (userId) => calls.has(userId),
  };
}
