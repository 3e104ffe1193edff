/** When the lock of another run may be taken: what proves that its holder is dead, and what a dead holder may still have under way. */
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { GitStore } from "../targets/types.ts";
import type { Holder } from "./holder.ts";
import type { JournalTip } from "./journal-entry.ts";
import { LATE_WRITES_MS, LEASE_MARGIN_MS } from "./lease.ts";

/** Who runs the command, as the journal names it. */
export interface Identity {
  readonly run: string;
  readonly actor: string;
  /** Id of the GitHub Actions run, or "local". */
  readonly workflow: string;
  /** Attempt of that run; absent on a laptop. */
  readonly attempt?: number;
  readonly tool: string;
  /** The process; absent where nothing could be proven by it. */
  readonly holder?: Holder;
}

/** True when `name` is what `--steal-lock` may call the holder: its run, or its workflow run. */
export const isNamed = ({ entry }: JournalTip, name: string): boolean =>
  name === entry.run || (/^\d+$/.test(name) && name === entry.workflow);

/** True when the holder ran on this machine and its process is gone. */
export const isProvenGone = ({ processes }: Pick<Context, "processes">, { entry }: JournalTip): boolean =>
  entry.holder !== undefined && processes?.isGone(entry.holder) === true;

/** Refusal of a lock that somebody else holds. */
export function locked({ date, entry }: JournalTip): McpistError {
  const { run, actor, workflow, leaseSeconds } = entry;
  const minutes = Math.ceil((leaseSeconds + LEASE_MARGIN_MS / 1000) / 60);
  return new McpistError(
    "ERR_LOCKED",
    `${actor} has been rotating since ${date}${workflow === "local" ? "" : ` (workflow run ${workflow})`}: run ${run} holds the lock`,
    {
      hint: workflow === "local" ? HINTS.held(run, minutes) : HINTS.heldByWorkflow(run),
    },
  );
}

/**
 * Returns once the holder is proven dead: GitHub says that its workflow run is over, or it was silent for its whole lease and a
 * margin by this machine's clock. One that wakes up later finds its lock taken.
 * @throws {McpistError} ERR_LOCKED when it is alive.
 */
export async function outlive(
  context: Pick<Context, "monotonic" | "sleep" | "waits">,
  store: Pick<GitStore, "readRef" | "workflowRun">,
  tip: JournalTip,
  self: Identity,
): Promise<void> {
  const { run, actor, workflow, attempt, leaseSeconds } = tip.entry;
  if (workflow !== "local") {
    // GitHub runs one attempt of a workflow run after the other.
    if (workflow === self.workflow && attempt !== undefined && attempt < (self.attempt ?? 0)) return;
    const state = await store.workflowRun(workflow);
    if (state === "over") return;
    if (state === "alive")
      throw new McpistError("ERR_LOCKED", `GitHub says that workflow run ${workflow} of run ${run} is not over`, {
        hint: HINTS.cancelRun(),
      });
  }
  const until = context.monotonic() + leaseSeconds * 1000 + LEASE_MARGIN_MS;
  const left = (): number => Math.ceil((until - context.monotonic()) / 1000);
  const text = () => `run ${run} of ${actor}: a sign of life, or none for ${left()} s more`;
  while (context.monotonic() < until) {
    await context.waits.during(text, () => context.sleep(Math.min(15_000, until - context.monotonic())));
    if ((await store.readRef())?.sha === tip.sha) continue;
    throw new McpistError("ERR_LOCKED", `run ${run} is alive: it wrote to the journal while its lease was watched`, {
      hint: HINTS.waitForRun(),
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
