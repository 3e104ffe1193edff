/**
 * Whatever mode was used, and wherever it was killed: after the next ordinary rollout nothing is left at a platform that an ordinary
 * rollout would not leave. What the slots hold is tried at every call in cli/secrets/crash.test.ts and modes.test.ts. `ROWS=all` kills
 * every mode at every write at both (about a minute and a half). The whole command at all four: cli/runs/whole-run.test.ts.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { secretOf } from "../test/origin-targets.ts";
import { flyWorld, koyebWorld, type PlatformWorld } from "../test/platform-worlds.ts";
import { testContext, type TestContext } from "../test/test-context.ts";
import type { Guard, OriginTarget } from "./types.ts";

const [ONE, TWO, THREE] = [secretOf("one"), secretOf("two"), secretOf("three")];
const free: Guard = () => Promise.resolve();
const GONE = "revoked:00000000000000aa";

/** What each mode does at one origin, in this order. */
const MODES: Readonly<Record<string, (origin: OriginTarget) => Promise<void>>> = {
  "a rotation": async (origin) => {
    await origin.write({ b: TWO }, free);
    await origin.roll("rolling", free);
    await origin.write({ a: GONE }, free);
    await origin.roll("rolling", free);
  },
  "a candidate that is given up": async (origin) => {
    await origin.write({ b: TWO }, free);
    await origin.roll("rolling", free);
    await origin.write({ b: GONE }, free);
    await origin.roll("rolling", free);
  },
  "--emergency fast": async (origin) => {
    await origin.write({ b: TWO }, free);
    await origin.roll("rolling", free);
    await origin.write({ a: GONE, b: TWO }, free);
    await origin.roll("now", free);
    await origin.settle?.(free);
  },
  "--emergency now": async (origin) => {
    await origin.write({ a: GONE, b: TWO }, free);
    await origin.roll("now", free);
    await origin.settle?.(free);
  },
};
/** What the next run does, whatever it finds. */
async function next(origin: OriginTarget): Promise<void> {
  await origin.settle?.(free);
  await origin.write({ a: THREE, b: GONE }, free);
  await origin.roll("rolling", free);
}

/** A process that is killed at its `n`-th write: before it, or after it, with the answer lost. It makes no call and no wait any more. */
function mortal(n: number, when: "before" | "after"): TestContext & { readonly isDead: () => boolean } {
  const life = { writes: 0, dead: false };
  const die = (): never => {
    life.dead = true;
    throw new Error("killed");
  };
  const context = testContext({
    realTime: true,
    onSleep: () => void (life.dead && die()),
    fetch: async (input, init) => {
      if (life.dead) return die();
      const writes = (init?.method ?? "GET") !== "GET" && ++life.writes === n;
      if (writes && when === "before") die();
      const answer = await fetch(input, init);
      return writes ? die() : answer;
    },
  });
  return { ...context, isDead: () => life.dead };
}

const ALL = process.env["ROWS"] === "all";
/** Only `now` changes more than slots. */
const KILLED = Object.keys(MODES).filter((mode) => ALL || mode === "--emergency now");

describe.each([
  ["Koyeb", koyebWorld],
  ["Fly.io", flyWorld],
])("at %s nothing is left that an ordinary rollout would not leave", (_, make) => {
  let world: PlatformWorld;
  let fresh: unknown;
  const alive = () => world.origin(testContext({ fetch, realTime: true }));
  beforeAll(async () => {
    world = await make(ONE);
    await next(alive());
    fresh = await world.trace();
  });
  // Each mode begins where slot a serves, whichever was tried before it.
  beforeEach(() => next(alive()), 60_000);
  afterAll(() => world.close());

  it.each(Object.keys(MODES))("after %s", async (mode) => {
    await MODES[mode]?.(alive());
    expect(await world.trace()).toEqual(fresh);
  });

  it.each(KILLED.flatMap((mode) => (["before", "after"] as const).map((when) => [mode, when] as const)))(
    "after %s that was killed %s any of its writes, and the next run",
    async (mode, when) => {
      for (let n = 1; ; n++) {
        const context = mortal(n, when);
        const ended = await MODES[mode]?.(world.origin(context)).then(
          () => "done",
          () => "killed",
        );
        await next(alive());
        expect({ n, trace: await world.trace() }).toEqual({ n, trace: fresh });
        if (!context.isDead()) return expect({ ended, met: n > 2 }).toEqual({ ended: "done", met: true });
      }
    },
  );
});
