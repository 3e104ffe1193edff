/** The lock of a rotation, and the journal that it is. */
import { hint, mcpist, quoted, rotationRefOf, say } from "./hint.ts";

/** The entries. */
export const LOCK = {
  held: hint(
    "another run",
    "the lock is held by a run of a laptop",
    (run: string, minutes: number) =>
      say`wait for it; if it is dead: the same command with --steal-lock ${quoted(run)} (watches it for ${minutes} min to be sure)`,
  ),
  heldByWorkflow: hint(
    "another run",
    "the lock is held by a workflow run",
    (run: string) =>
      say`wait for it; if that workflow run is over: the same command with --steal-lock ${quoted(run)} (input "dead_run" of the workflow)`,
  ),
  cancelRun: hint(
    "another run",
    "a workflow run that is not over",
    () => say`wait for it or cancel it there, then run the command again`,
  ),
  waitForRun: hint(
    "another run",
    "a holder that is alive",
    () => say`wait for it to finish, then run the command again`,
  ),
  whoHolds: hint(
    "another run",
    "the lock is held by another run than the one named",
    (run: string) => say`${mcpist("secrets history")}   (shows who it is; run ${run} holds it)`,
  ),
  whoWrote: hint(
    "another run",
    "somebody else wrote to the journal",
    () => say`${mcpist("secrets history")}   (shows who it was)`,
  ),
  foreignRef: hint(
    "somebody else",
    "a tip of the journal that is no entry",
    () =>
      say`somebody wrote to the ref by hand: set it back, or delete it (${rotationRefOf}) and run the command again: what GitHub holds counts as unknown then`,
  ),
  newerJournal: hint(
    "this machine",
    "a journal of a newer mcpist",
    () => say`install the mcpist that the others use, then run the command again`,
  ),
  holder: hint(
    "another run",
    "status and dry run while a run holds the lock",
    (run: string) =>
      say`wait for run ${run}, which holds the lock; if it is dead: ${mcpist(`secrets rotate --yes --steal-lock ${quoted(run)}`)}`,
  ),
} as const;
