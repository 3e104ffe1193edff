/**
 * Refusals of callers without the credential, collapsed: whoever knows the address can cause them, so that they must cost next to
 * nothing. The first is written at once; what follows within a window is written as one count when the window ends.
 */

/** Unit: milliseconds. */
export const WINDOW_MS = 10_000;

export interface RefusalParts {
  /** Writes one refusal, or a count of them. Never rejects. */
  readonly write: (count: number) => Promise<void>;
  readonly sleep: (ms: number) => Promise<void>;
  /** Keeps the process until `work` is done. */
  readonly later: (work: Promise<void>) => void;
}

/** Builds the counter. @returns what is called once per refusal; it does not wait for anything. */
export function createRefusals({ write, sleep, later }: RefusalParts): () => void {
  let open = false;
  let count = 0;
  async function collapse(): Promise<void> {
    await write(1);
    for (;;) {
      await sleep(WINDOW_MS);
      if (count === 0) break;
      const collected = count;
      count = 0;
      await write(collected);
    }
    open = false;
  }
  return () => {
    if (open) {
      count++;
      return;
    }
    open = true;
    later(collapse());
  };
}
