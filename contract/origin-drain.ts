/** How long an origin that is withdrawn lets its calls finish, and how long its platform waits for that before it kills. Unit: seconds. */

/** Koyeb's own, and not to be changed. */
const KOYEB_STOP_SECONDS = 30;
/** Fly kills after 5 s where a Machine does not say otherwise, and a call may run for 60. */
export const FLY_STOP_SECONDS = 65;

/** A little less than the platform waits. */
export const drainSecondsOf = (platform: "koyeb" | "fly"): number =>
  platform === "fly" ? FLY_STOP_SECONDS - 5 : KOYEB_STOP_SECONDS - 2;
