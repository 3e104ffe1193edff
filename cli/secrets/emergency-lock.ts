/** How an emergency comes to the lock. */
import { McpistError } from "../errors.ts";
import type { Journal } from "./journal.ts";

/**
 * Takes the lock of whoever holds it, or goes on without lock and journal, and says which: a GitHub that is silent, or asks to wait,
 * must not keep a leaked secret alive. @returns how long the former holder may still have a write under way (milliseconds).
 */
export async function seizeOrDetach(journal: Journal, note: (text: string) => void): Promise<number> {
  const without = (why: string): void => note(`going on without lock and journal: ${why}`);
  try {
    const former = await journal.seize(without);
    if (former && former.tip.entry.leaseSeconds > 0) {
      const { actor, run, workflow } = former.tip.entry;
      note(`took the lock of run ${run} (${actor}${workflow === "local" ? "" : `, workflow run ${workflow}`})`);
    }
    return former?.lateMs ?? 0;
  } catch (error) {
    if (!(error instanceof McpistError)) throw error;
    journal.detach();
    without(error.message);
    return 0;
  }
}
