/**
 * What is refused, written down collapsed: whoever knows the address, or a credential, can cause refusals, so that they must cost next to
 * nothing. The first of a kind is written at once; what follows within a window is written as one count when the window ends.
 */

/** Unit: milliseconds. */
export const WINDOW_MS = 10_000;
/** Kinds that have a window at the same time; further ones share one per reason. */
const MAX_KINDS = 1_000;

/** One refusal. Requests are told apart in the first only. */
export interface Refusal {
  readonly severity: "critical" | "warn";
  readonly status: number;
  readonly reason: string;
  readonly requestId: string | null;
  readonly userId: string | null;
  readonly module: string | null;
}

export interface RefusalParts {
  /** Writes one refusal, or a count of them. Never rejects. */
  readonly write: (refusal: Refusal, count: number) => Promise<void>;
  readonly sleep: (ms: number) => Promise<void>;
  /** Keeps the process until `work` is done. */
  readonly later: (work: Promise<void>) => void;
}

/** Builds the counter. @returns what is called once per refusal; it does not wait for anything. */
export function createRefusals({ write, sleep, later }: RefusalParts): (refusal: Refusal) => void {
  /** How many came since the last was written. */
  const open = new Map<string, number>();

  async function collapse(key: string, refusal: Refusal): Promise<void> {
    await write(refusal, 1);
    for (;;) {
      await sleep(WINDOW_MS);
      const count = open.get(key) ?? 0;
      if (count === 0) break;
      open.set(key, 0);
      await write({ ...refusal, requestId: null }, count);
    }
    open.delete(key);
  }

  return (refusal) => {
    const { status, reason, userId, module } = refusal;
    let key = JSON.stringify([status, reason, userId, module]);
    let kind = refusal;
    if (!open.has(key) && open.size >= MAX_KINDS) {
      key = JSON.stringify([status, reason]);
      kind = { ...refusal, requestId: null, userId: null, module: null };
    }
    const count = open.get(key);
    open.set(key, count === undefined ? 0 : count + 1);
    if (count === undefined) later(collapse(key, kind));
  };
}
