/**
 * Reads every process's argv and environment again and again, as any user of the machine could. What lives shorter than a round
 * escapes it; strace (trace.ts) sees those. Keeps texts until the values to look for are known.
 */
import { readdirSync, readFileSync } from "node:fs";

/** Between two rounds. Unit: milliseconds. */
const ROUND_MS = 5;
/** A known process may replace its program or its title, so it is read again after so many rounds. */
const AGAIN_EVERY = 20;

/** What was seen so far. */
export interface ProcessTable {
  /** Each distinct text once, as latin1. */
  readonly argv: ReadonlySet<string>;
  readonly environ: ReadonlySet<string>;
  /** Rounds that were made: zero means that nothing was watched. */
  readonly rounds: number;
  /** Resolves when every process that runs now was read once more. */
  lookedAgain(): Promise<void>;
  stop(): void;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // It ended, or belongs to somebody else.
    return "";
  }
};

/** Starts watching. */
export function watchProcesses(): ProcessTable {
  const argv = new Set<string>();
  const environ = new Set<string>();
  const known = new Map<string, number>();
  let rounds = 0;
  const waiting = new Map<() => void, number>();
  const round = (): void => {
    rounds++;
    for (const pid of readdirSync("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      const next = known.get(pid) ?? 0;
      if (rounds < next) continue;
      // A new process is looked at in each of its first rounds: it may still be the fork of another program.
      known.set(pid, known.has(pid) ? rounds + AGAIN_EVERY : rounds);
      argv.add(read(`/proc/${pid}/cmdline`));
      environ.add(read(`/proc/${pid}/environ`));
    }
    for (const [resolve, after] of waiting) if (rounds > after && waiting.delete(resolve)) resolve();
  };
  round();
  const timer = setInterval(round, ROUND_MS);
  return {
    argv,
    environ,
    get rounds() {
      return rounds;
    },
    // A process that is read in this round is read again at the latest after so many.
    lookedAgain: () => new Promise((resolve) => waiting.set(resolve, rounds + AGAIN_EVERY)),
    stop() {
      round();
      clearInterval(timer);
    },
  };
}
