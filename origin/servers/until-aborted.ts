/** Waiting that a caller may give up. */

/** Resolves when `work` is done or `signal` says so, whichever is first; nothing is left at the signal. @throws what `work` throws */
export async function untilAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const aborted = Promise.withResolvers<void>();
  const give = (): void => aborted.resolve();
  signal.addEventListener("abort", give);
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", give);
  }
}
