/** One backend, many sessions: whoever is inside keeps it until it leaves; the others wait in order of arrival. */

interface Waiter {
  readonly session: number;
  readonly enter: () => void;
}

/** A fair lock that knows who holds it. Waiting is announced so that a holder who does nothing can be ended. */
export class Turnstile {
  #holder: number | null = null;
  #waiting: Waiter[] = [];
  readonly #onWait: (holder: number) => void;

  /** @param onWait called whenever somebody starts to wait for `holder`, and when a new holder finds others waiting. */
  constructor(onWait: (holder: number) => void) {
    this.#onWait = onWait;
  }

  get contended(): boolean {
    return this.#waiting.length > 0;
  }

  holds(session: number): boolean {
    return this.#holder === session;
  }

  /** Resolves when `session` is inside; at once when it already is. */
  async enter(session: number): Promise<void> {
    if (this.#holder === session) return;
    if (this.#holder === null) {
      this.#holder = session;
      return;
    }
    const waiting = new Promise<void>((resolve) => void this.#waiting.push({ session, enter: resolve }));
    this.#onWait(this.#holder);
    await waiting;
  }

  leave(session: number): void {
    if (this.#holder !== session) return;
    const next = this.#waiting.shift();
    this.#holder = next?.session ?? null;
    next?.enter();
    if (next && this.#waiting.length > 0) this.#onWait(next.session);
  }
}
