/** Waiting with an end. A promise of another request may never settle once its owner is gone, so it is never awaited bare. */

/** What {@link within} returns when the time is up. */
export const LATE = Symbol("late");

/** The value of `work`, or {@link LATE} after `ms`. Does not stop `work`. @throws what `work` throws in time. */
export async function within<T>(work: Promise<T>, ms: number): Promise<T | typeof LATE> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => resolve(LATE), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
