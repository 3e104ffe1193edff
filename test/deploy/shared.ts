/** An installation that several stories use one after the other. Apart from ./operator.ts, which is used outside vitest too. */
import { afterAll, beforeAll } from "vitest";
import { Installation } from "./installation.ts";
import { bootstrap, firstPair, TIMEOUT_MS } from "./operator.ts";

/**
 * Brings up a service before the stories of a `describe` and takes its accounts down after them. The stories come in any order, so
 * each begins with a whole service in phase STEADY, whatever is deployed there, and leaves one behind.
 */
export function sharedService(): () => Installation {
  let opened: Installation | undefined;
  beforeAll(async () => {
    opened = await Installation.open(...firstPair());
    await bootstrap(opened);
  }, TIMEOUT_MS);
  afterAll(() => opened?.close(), TIMEOUT_MS);
  return () => {
    if (!opened) throw new Error("there is no installation before the first story");
    return opened;
  };
}
