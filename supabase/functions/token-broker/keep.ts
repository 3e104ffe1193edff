/** Keeps what a provider has given: the one refresh token that is good now is in this process only, until the database has it. */

/** How long storing is tried: the lease, and what an instance is left of its time after that. Unit: milliseconds. */
export const KEEP_MS = 120_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 3_000;

/** SQLSTATE class 22: the value is at fault, and stays so. */
const isValuesFault = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && String(cause.code).startsWith("22");

/** What passes and waits. Unit: milliseconds. */
export interface Time {
  /** Monotonic. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Tries `store` until it answers, with pauses. @throws what it threw last when {@link KEEP_MS} are over. */
export async function keep<Kept>(store: () => Promise<Kept>, { now, sleep }: Time): Promise<Kept> {
  const until = now() + KEEP_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, MAX_PAUSE_MS)) {
    try {
      return await store();
    } catch (cause) {
      if (isValuesFault(cause) || now() + pause > until) throw cause;
    }
    await sleep(pause);
  }
}
