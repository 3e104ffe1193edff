/** When the lock of another run may be taken: what proves that its holder is dead, and what a dead holder may still have under way. */
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { LONGEST_WRITE_MS } from "../http.ts";
import type { GitStore } from "../targets/types.ts";
import type { Journal, JournalTip } from "./journal.ts";

/** A run may write for this long without renewing. */
export const LEASE_SECONDS = 15 * 60;
/** The holder stops itself this long before the end of its lease. Unit: milliseconds. */
export const LEASE_MARGIN_MS = 2 * 60_000;
/** A run may trust a look at the tip for so long. Unit: milliseconds. */
export const GUARD_TRUST_MS = 5000;
/**
 * After the lock was taken from a living run, its last write is over by then: no platform fences a write that is under way, but
 * the client ends it, and what was allowed before the takeover is sent within {@link LONGEST_WRITE_MS}. Unit: milliseconds.
 */
export const LATE_WRITES_MS = LONGEST_WRITE_MS + GUARD_TRUST_MS + 5000;

/** Who runs the command, as the journal names it. */
export interface Identity {
  readonly run: string;
  readonly actor: string;
  /** Id of the GitHub Actions run, or "local". */
  readonly workflow: string;
  /** Attempt of that run; absent on a laptop. */
  readonly attempt?: number;
  readonly tool: string;
}

/** True when `name` is what `--steal-lock` may call the holder: its run, or its workflow run. */
export const isNamed = ({ entry }: JournalTip, name: string): boolean =>
  name === entry.run || (/^\d+$/.test(name) && name === entry.workflow);

/** Refusal of a lock that somebody else holds. */
export function locked({ date, entry }: JournalTip): McpistError {
  const { run, actor, workflow, leaseSeconds } = entry;
  const minutes = Math.ceil((leaseSeconds + LEASE_MARGIN_MS / 1000) / 60);
  const steal = `the same command with --steal-lock ${run}`;
  return new McpistError(
    "ERR_LOCKED",
    `${actor} has been rotating since ${date}${workflow === "local" ? "" : ` (workflow run ${workflow})`}: run ${run} holds the lock`,
    {
      hint:
        workflow === "local"
          ? `wait for it; if it is dead: ${steal} (watches it for ${minutes} min to be sure)`
          : `wait for it; if that workflow run is over: ${steal} (input "dead_run" of the workflow)`,
    },
  );
}

/**
 * Returns once the holder is proven dead: GitHub says that its workflow run is over, or it was silent for its whole lease and a
 * margin by this machine's clock, after which it stops itself.
 * @throws {McpistError} ERR_LOCKED when it is alive.
 */
export async function outlive(
  context: Pick<Context, "monotonic" | "sleep">,
  store: Pick<GitStore, "readRef" | "workflowRun">,
  tip: JournalTip,
  self: Identity,
): Promise<void> {
  const { run, workflow, attempt, leaseSeconds } = tip.entry;
  if (workflow !== "local") {
    // GitHub runs one attempt of a workflow run after the other.
    if (workflow === self.workflow && attempt !== undefined && attempt < (self.attempt ?? 0)) return;
    const state = await store.workflowRun(workflow);
    if (state === "over") return;
    if (state === "alive")
      throw new McpistError("ERR_LOCKED", `GitHub says that workflow run ${workflow} of run ${run} is not over`, {
        hint: "wait for it or cancel it there, then run the command again",
      });
  }
  const until = context.monotonic() + leaseSeconds * 1000 + LEASE_MARGIN_MS;
  while (context.monotonic() < until) {
    await context.sleep(Math.min(15_000, until - context.monotonic()));
    if ((await store.readRef())?.sha === tip.sha) continue;
    throw new McpistError("ERR_LOCKED", `run ${run} is alive: it wrote to the journal while its lease was watched`, {
      hint: "wait for it to finish",
    });
  }
}

/**
 * How long a holder that was robbed of its lock may still have a write under way. 0 when its lease has been over for longer than
 * that by GitHub's own clock, which also wrote the date of its last entry. Unit: milliseconds.
 */
export function lateWritesMs(tip: JournalTip, serverTime: number): number {
  const silent = serverTime - Date.parse(tip.date);
  return silent > tip.entry.leaseSeconds * 1000 + LATE_WRITES_MS ? 0 : LATE_WRITES_MS;
}

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
