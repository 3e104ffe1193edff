/** What Ctrl-C, SIGTERM and a closed terminal do to a run: it stops before its next remote call, and gives back what it holds. */
import { setTimeout as sleep } from "node:timers/promises";

/** Listens to the signals of this process. @param locked true while the run holds the lock @returns aborted when the run has to stop */
export function interrupts(locked: () => boolean): AbortSignal {
  const controller = new AbortController();
  let presses = 0;
  process.on("SIGINT", () => {
    // The second Ctrl-C of a person. What ends jobs sends SIGINT and then SIGTERM, and must not cut short what the first one began.
    if (++presses === 2) process.exit(130);
    controller.abort();
  });
  process.on("SIGTERM", () => controller.abort());
  // A terminal that was closed, or a connection that broke: nobody asked for a rotation that ends half way.
  process.on("SIGHUP", () => {
    if (!locked()) controller.abort();
  });
  return controller.signal;
}

/** What an interrupt reaches. */
interface Interruptible {
  readonly signal: AbortSignal;
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * The same without its interrupts: for what gives back what a run holds. Ten seconds are what a cancelled job has left.
 */
export function calm<T extends Interruptible>(context: T): T {
  return {
    ...context,
    signal: new AbortController().signal,
    sleep: async (ms) => {
      if (context.signal.aborted) await sleep(Math.min(ms, 1000));
      else await context.sleep(ms).catch(() => sleep(Math.min(ms, 1000)));
    },
  };
}
