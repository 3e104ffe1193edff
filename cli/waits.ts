/** What a command waits for at this moment, so that whoever shows progress can say for whom and for what. */

/** Text of one wait; a function where it changes meanwhile, null while there is nothing to tell yet. */
export type WaitText = string | (() => string | null);

/** The waits of one command. */
export class Waits {
  readonly #texts = new Set<() => string | null>();

  /** Counts as waiting until `work` has settled. */
  async during<T>(text: WaitText, work: () => Promise<T>): Promise<T> {
    const said = typeof text === "string" ? () => text : text;
    this.#texts.add(said);
    try {
      return await work();
    } finally {
      this.#texts.delete(said);
    }
  }

  /** Oldest first, each once. */
  current(): readonly string[] {
    const texts = [...this.#texts].map((text) => text());
    return [...new Set(texts)].filter((text) => text !== null);
  }
}

/** Between two looks: at first often, later a tenth of what it has taken so far, so that neither time nor many calls are wasted. */
const OFTEN_MS = 100;
const SELDOM_MS = 2000;

/** How long to wait before the next look. @param sinceMs how long it has taken so far. Unit: milliseconds. */
export const pauseMs = (sinceMs: number): number => Math.min(SELDOM_MS, Math.max(OFTEN_MS, sinceMs / 10));

/** A wait that is shorter is not worth a word. Unit: milliseconds. */
const LONG_MS = 5000;

/** Counts as waiting once `work` has taken long. @param afterMs how long that is (milliseconds). */
export async function whenLong<T>(
  { waits, monotonic }: { readonly waits: Waits; readonly monotonic: () => number },
  text: string,
  work: () => Promise<T>,
  afterMs: number = LONG_MS,
): Promise<T> {
  const began = monotonic();
  return waits.during(() => (monotonic() - began >= afterMs ? text : null), work);
}
