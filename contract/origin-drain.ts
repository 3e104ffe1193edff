/** How long an origin that is withdrawn lets its calls finish, and how long its platform waits for that before it kills. Unit: seconds. */
import { isRecord } from "./json.ts";
import type { OriginKind } from "./platforms.ts";

/** Koyeb's own, and not to be changed. */
const KOYEB_STOP_SECONDS = 30;
/** Fly kills after 5 s where a Machine does not say otherwise, and a call may run for 60. */
export const FLY_STOP_SECONDS = 65;
/** What a rotation gives a Machine that says nothing of how it is stopped (`stop_config`). */
export const FLY_STOP = { signal: "SIGTERM", timeout: `${FLY_STOP_SECONDS}s` } as const;
/** The same time as Go writes it, and with it Fly's own clients when they write a Machine. */
const FLY_STOP_IN_GO = `${Math.floor(FLY_STOP_SECONDS / 60)}m${FLY_STOP_SECONDS % 60}s`;
/** True for a `stop_config` that a rotation has given. */
export const isFlyStop = (stop: unknown): boolean =>
  isRecord(stop) &&
  stop["signal"] === FLY_STOP.signal &&
  (stop["timeout"] === FLY_STOP.timeout || stop["timeout"] === FLY_STOP_IN_GO);

/** A little less than the platform waits. */
const DRAIN_SECONDS: Readonly<Record<OriginKind, number>> = {
  koyeb: KOYEB_STOP_SECONDS - 2,
  fly: FLY_STOP_SECONDS - 5,
};
export const drainSecondsOf = (platform: OriginKind): number => DRAIN_SECONDS[platform];
