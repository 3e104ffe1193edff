/** Work that no request waits for: periodic jobs, and what follows an answer. Shutdown waits for what is under way. */

/** Runs background work. */
export interface Background {
  /** Runs once, now. Errors go to `onError`. */
  readonly later: (work: () => Promise<void>) => void;
  /** Runs every `ms` until stopped, never twice at the same time. Does not keep the process alive. */
  every(ms: number, work: () => Promise<void>): void;
  /** Ends the periodic work and waits for everything under way. */
  stop(): Promise<void>;
}

/** What ends with one "close", for example an HTTP response. */
export interface Closing {
  readonly closed: boolean;
  once(event: "close", listener: () => void): unknown;
}

/** Holds work back until the answer has left. A client that hangs up early does not escape what is recorded about it. */
export function afterClose(closing: Closing, later: Background["later"]): (work: () => Promise<void>) => void {
  let held: (() => Promise<void>)[] | null = closing.closed ? null : [];
  closing.once("close", () => {
    for (const work of held ?? []) later(work);
    held = null;
  });
  return (work) => {
    if (held) held.push(work);
    else later(work);
  };
}

/** Builds the background. */
export function createBackground(onError: (error: unknown) => void): Background {
  const underWay = new Set<Promise<void>>();
  const timers: NodeJS.Timeout[] = [];
  const start = (work: () => Promise<void>): Promise<void> => {
    const running = work()
      .catch(onError)
      .finally(() => underWay.delete(running));
    underWay.add(running);
    return running;
  };
  return {
    later: (work) => void start(work),
    every(ms, work) {
      let busy = false;
      const timer = setInterval(() => {
        if (busy) return;
        busy = true;
        void start(work).then(() => (busy = false));
      }, ms);
      timers.push(timer.unref());
    },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}
