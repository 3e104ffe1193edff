/** How long an origin that is withdrawn lets its calls finish, and how long its platform waits for that before it kills. Unit: seconds. */
import type { OriginKind } from "./platforms.ts";

/** Koyeb's own, and not to be changed. */
const KOYEB_STOP_SECONDS = 30;
/** Fly kills after 5 s where a Machine does not say otherwise, and a call may run for 60. */
export const FLY_STOP_SECONDS = 65;

/** A little less than the platform waits. */
const DRAIN_SECONDS: Readonly<Record<OriginKind, number>> = {
  koyeb: KOYEB_STOP_SECONDS - 2,
  fly: FLY_STOP_SECONDS - 5,
};
export const drainSecondsOf = (platform: OriginKind): number => DRAIN_SECONDS[platform];
