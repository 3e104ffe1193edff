/** Runs the real rotator against a fake cloud: one process life, with everything it needs and nothing it should not have. */
import { McpistError } from "../errors.ts";
import { emergency } from "../secrets/emergency.ts";
import { rotate } from "../secrets/rotate.ts";
import { Journal } from "../secrets/journal.ts";
import type { Phase } from "../secrets/phase.ts";
import { seizeOrDetach } from "../secrets/emergency-lock.ts";
import { Run, type DrainTimes } from "../secrets/run.ts";
import type { Targets } from "../targets/types.ts";
import { Killed, type FakeCloud } from "./fake-cloud.ts";

export const DRAIN: DrainTimes = { minAge: 2000, quiet: 4000, max: 60_000 };

/** How a process life ended. */
export type Ending =
  | { readonly kind: "done"; readonly phase: Phase; readonly run: Run }
  | { readonly kind: "killed" }
  | { readonly kind: "stopped"; readonly error: McpistError; readonly run: Run };

export interface LifeOptions {
  readonly init?: boolean;
  readonly clean?: boolean;
  /** What the run reports, in order. */
  readonly steps?: string[];
  readonly notes?: string[];
  /** Each wait, with what would be said of it at that moment. */
  readonly sleeps?: { readonly ms: number; readonly told: readonly string[] }[];
  readonly id: string;
  readonly steal?: string;
  readonly drain?: DrainTimes;
  /** Replaces parts of the targets: a mutant. */
  readonly wrap?: (targets: Targets) => Targets;
  readonly workflow?: string;
  readonly signal?: AbortSignal;
  /** Environment of the job. */
  readonly env?: Readonly<Record<string, string>>;
  /** What this machine's wall clock says at a moment of the platforms' own. Unit: milliseconds. */
  readonly wall?: (now: number) => number;
  /** An emergency, which takes the lock of whoever holds it. */
  readonly emergency?: "fast" | "now";
  /** Instead of a rotation. */
  readonly work?: (run: Run) => Promise<Phase>;
}

/** One process life of `secrets rotate`. */
export async function live(cloud: FakeCloud, options: LifeOptions): Promise<Ending> {
  const self = { dead: false };
  const base = cloud.context(self, options.signal);
  const context = {
    ...base,
    env: options.env ?? {},
    now: () => new Date(options.wall?.(cloud.now) ?? cloud.now),
    sleep: async (ms: number) => {
      const told = base.waits.current();
      options.sleeps?.push({ ms, told });
      await base.sleep(ms);
    },
  };
  const store = cloud.store(self);
  const journal = new Journal(store, context, {
    run: options.id,
    actor: "tester",
    workflow: options.workflow ?? "local",
    tool: "0.0.0",
  });
  const targets = options.wrap ? options.wrap(cloud.targets(self)) : cloud.targets(self);
  const run = new Run({
    context,
    targets,
    journal,
    store,
    drain: options.drain ?? DRAIN,
    report: {
      begin: (step) => {
        options.steps?.push(step);
        return () => undefined;
      },
      note: (text) => {
        options.notes?.push(text);
      },
    },
  });
  try {
    const lateMs = options.emergency ? await seizeOrDetach(journal, (text) => run.report.note(text)) : 0;
    if (!options.emergency) await journal.acquire(options.steal);
    const phase = options.emergency
      ? await emergency(run, options.emergency, { lateMs })
      : options.work
        ? await options.work(run)
        : await rotate(run, options.init ? "init" : options.clean ? "clean" : "rotate");
    const lost = await journal.release({ result: "done" });
    if (lost) throw lost;
    return { kind: "done", phase, run };
  } catch (error) {
    if (error instanceof Killed || self.dead) return { kind: "killed" };
    await journal.release({ result: "failed" }).catch(() => undefined);
    if (error instanceof McpistError) return { kind: "stopped", error, run };
    if (context.signal.aborted)
      return { kind: "stopped", error: new McpistError("ERR_INTERRUPTED", "interrupted"), run };
    throw error;
  }
}

/** Starts lives until one is done, taking over the lock of dead ones. @throws when it does not converge. */
export async function converge(
  cloud: FakeCloud,
  first: string,
  lives = 6,
  options: Partial<LifeOptions> = {},
): Promise<Ending> {
  let steal: string | undefined = holderOf(cloud);
  let last: Ending | null = null;
  for (let i = 0; i < lives; i++) {
    last = await live(cloud, { ...options, id: `${first}-${i}`, ...(steal === undefined ? {} : { steal }) });
    if (last.kind === "done") return last;
    steal = holderOf(cloud);
  }
  throw new Error(`no convergence: ${last?.kind === "stopped" ? last.error.message : "killed"}`);
}

/** Run id of whoever the journal says holds the lock. */
export function holderOf(cloud: FakeCloud): string | undefined {
  if (cloud.ref === null) return undefined;
  const message = cloud.commits.get(cloud.ref)?.message ?? "";
  const entry = JSON.parse(message.slice(message.indexOf("{"))) as { run: string; leaseSeconds: number };
  return entry.leaseSeconds > 0 ? entry.run : undefined;
}
