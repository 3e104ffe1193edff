/** What a command waits for at this moment, so that whoever shows progress can say for whom and for what. */

/** Text of one wait; a function where it changes meanwhile. */
export type WaitText = string | (() => string);

/** The waits of one command. */
export class Waits {
  readonly #texts = new Set<() => string>();

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
    return [...new Set([...this.#texts].map((text) => text()))];
  }
}
