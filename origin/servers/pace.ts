/** How fast something of a server is taken. Pure but for the clock. */

/** Takes what came, in some unit. @returns how long nothing more may be taken, in milliseconds; 0 = go on */
export type Pace = (amount: number) => number;

/** @param now monotonic, in milliseconds @param burst taken at once @param perMs taken in each millisecond after that */
export function createPace(now: () => number, burst: number, perMs: number): Pace {
  let readyAt = -Infinity;
  return (amount) => {
    readyAt = Math.max(readyAt, now() - burst / perMs) + amount / perMs;
    return Math.max(0, readyAt - now());
  };
}
