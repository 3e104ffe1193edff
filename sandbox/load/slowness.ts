/** Which failures are this machine's: what was not answered in time while nothing was to spare, and what that made the gateway refuse. */
import { OWN_MS, TOOL_FAILED, type RequestKind } from "./mcp-requests.ts";

/** A wait of this kind is no refusal: those come at once. Just below the gateway's patience with an origin. Unit: milliseconds. */
const LONG_WAIT_MS = 4500;
/** The same for its patience with whoever publishes the keys for sign-in. Unit: milliseconds. */
const KEYS_WAIT_MS = 1400;
/** For so long the gateway may keep away from an origin that did not answer in time. Unit: milliseconds. */
const AFTERMATH_MS = 15_000;
/** What the gateway says when somebody did not answer it in time. Never the secret, and never anybody else's page. */
const IN_VAIN: ReadonlySet<string | null> = new Set([
  "route.timeout",
  "route.unknown",
  "route.platform",
  "route.none",
  "auth.jwks",
]);

/** A request that failed. Unit: milliseconds. */
export interface Failed {
  /** When its outcome was known, since the start. */
  readonly atMs: number;
  readonly kind: RequestKind;
  /** Without the time that its kind takes by itself. */
  readonly waitedMs: number;
  /** 0 = no answer. */
  readonly status: number;
  /** The gateway's own word; null where it did not refuse. */
  readonly refusal: string | null;
  readonly reason: string;
}

/** Longer than this, and somebody gave up waiting, for whom the work of a long call counts. Unit: milliseconds. */
const longWaitMs = ({ kind, refusal }: Failed): number =>
  (refusal === "auth.jwks" ? KEYS_WAIT_MS : LONG_WAIT_MS) - (kind === "long" ? OWN_MS.long : 0);

/** A long call asks a host, and gives up on it as the gateway does on an origin. */
const gaveUpItself = ({ kind, reason }: Failed): boolean => kind === "long" && reason === TOOL_FAILED;

/**
 * Those of them that a slow machine explains. A refusal of the secret or of the rate it never does, nor a page of a platform.
 * @param wasBusy whether the machine was, between two moments since the start
 */
export function slowAmong<T extends Failed>(
  failures: readonly T[],
  wasBusy: (fromMs: number, untilMs: number) => boolean,
): ReadonlySet<T> {
  const inVain = failures.filter((one) => one.status === 0 || IN_VAIN.has(one.refusal) || gaveUpItself(one));
  const late = inVain.filter(
    (one) => one.waitedMs >= longWaitMs(one) && wasBusy(one.atMs - Math.max(one.waitedMs, KEYS_WAIT_MS), one.atMs),
  );
  const slow = new Set<T>(late);
  for (const failure of inVain) {
    const { atMs, refusal } = failure;
    // While one of them waited the gateway's own questions to an origin waited as well, and were given up before it was.
    const explained = late.some((one) => one.atMs - one.waitedMs < atMs && atMs < one.atMs + AFTERMATH_MS);
    if (refusal !== null && explained && wasBusy(atMs - 2000, atMs)) slow.add(failure);
  }
  return slow;
}
