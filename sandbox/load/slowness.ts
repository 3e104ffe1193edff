/** Which failures are this machine's: what was not answered in time while nothing was to spare, and what that made the gateway refuse. */

/** A wait of this kind is no refusal: those come at once. Just below the gateway's patience with an origin. Unit: milliseconds. */
const LONG_WAIT_MS = 4500;
/** For so long the gateway may keep away from an origin that did not answer in time. Unit: milliseconds. */
const AFTERMATH_MS = 15_000;

/** A request that failed. Unit: milliseconds. */
export interface Failed {
  /** When its outcome was known, since the start. */
  readonly atMs: number;
  readonly waitedMs: number;
  /** 0 = no answer. */
  readonly status: number;
}

/**
 * Those of them that a slow machine explains. A refusal of the secret (401, 403) or of the rate (429) it never does.
 * @param wasBusy whether the machine was, between two moments since the start
 */
export function slowAmong<T extends Failed>(
  failures: readonly T[],
  wasBusy: (fromMs: number, untilMs: number) => boolean,
): ReadonlySet<T> {
  const refused = failures.filter(({ status }) => status === 0 || status >= 500);
  const late = refused.filter(({ atMs, waitedMs }) => waitedMs >= LONG_WAIT_MS && wasBusy(atMs - waitedMs, atMs));
  const slow = new Set<T>(late);
  for (const failure of refused) {
    const { atMs, status } = failure;
    // While one of them waited the gateway's own questions to an origin waited as well, and were given up before it was.
    const explained = late.some((one) => one.atMs - one.waitedMs < atMs && atMs < one.atMs + AFTERMATH_MS);
    if (status >= 500 && explained && wasBusy(atMs - 2000, atMs)) slow.add(failure);
  }
  return slow;
}
