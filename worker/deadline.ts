/** Waiting with an end. A promise of another request may never settle once its owner is gone, so it is never awaited bare. */

/** What {@link within} returns when the time is up. */
export const LATE = Symbol("late");

/** The value of `work`, or {@link LATE} after `ms`. Does not stop `work`. @throws what `work` throws in time. */
export function within<T>(work: Promise<T>, ms: number): Promise<T | typeof LATE> {
  const { promise, resolve, reject } = Promise.withResolvers<T | typeof LATE>();
  const timer = setTimeout(() => resolve(LATE), ms);
  const inTime = (value: T): void => {
    clearTimeout(timer);
    resolve(value);
  };
  const failed = (error: unknown): void => {
    clearTimeout(timer);
    reject(error);
  };
  work.then(inTime, failed);
  return promise;
}

/** A pause of the request's own. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
