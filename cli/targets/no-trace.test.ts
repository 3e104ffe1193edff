/**
 * Whatever mode was used, and wherever it was killed: after the next ordinary rollout nothing is left at a platform that an ordinary
 * rollout would not leave. What the slots hold is tried at every call in cli/secrets/crash.test.ts and modes.test.ts. `ROWS=all` kills
 * every mode at every write (about a minute).
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../../contract/config.ts";
import { caller, fastContext, TOKENS, until, type Json } from "../../sandbox/test/harness.ts";
import { startKoyeb } from "../../sandbox/vendors/koyeb/koyeb.ts";
import { ENVIRONMENT_INPUT, testEnvironment } from "../test/environment.ts";
import { deployKoyebService, slotVariables } from "../test/koyeb-service.ts";
import { secretOf, ZERO } from "../test/origin-targets.ts";
import { testContext, type TestContext } from "../test/test-context.ts";
import { koyebApi, koyebOrigin } from "./koyeb.ts";
import type { Guard, OriginTarget } from "./types.ts";

const [ONE, TWO, THREE] = [secretOf("one"), secretOf("two"), secretOf("three")];
const light = () => fastContext({ light: true });
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

/** One platform with one origin that runs on {@link ONE}. */
interface World {
  readonly origin: (context: TestContext) => OriginTarget;
  /** All that the platform keeps, without values, ids and dates; only when nothing is on its way any more. */
  readonly trace: () => Promise<unknown>;
  readonly close: () => Promise<void>;
}

async function koyebWorld(): Promise<World> {
  const koyeb = await startKoyeb(light());
  const call = caller(() => koyeb.url, TOKENS.koyeb);
  const service = await deployKoyebService(call, slotVariables(ONE, ZERO));
  const url = await koyeb.edgeUrl("mcpist", "origin");
  const origins: EnvironmentInput["origins"] = [
    { name: "koyeb", kind: "koyeb", url, app: "mcpist", service: "origin", state: "pool" },
    { ...ENVIRONMENT_INPUT.origins[1]! },
  ];
  const environment = testEnvironment({ origins });
  const [config] = environment.origins;
  if (config?.kind !== "koyeb") throw new TypeError("the first origin is Koyeb's");
  const list = async (path: string, key: string): Promise<readonly Json[]> =>
    (await call("GET", path)).json[key] as Json[];
  const ENDED = new Set(["STOPPED", "CANCELED", "ERROR"]);
  return {
    origin: (context) => {
      const api = koyebApi(context, { baseUrl: koyeb.url, token: TOKENS.koyeb });
      return koyebOrigin(context, api, "production", environment, config);
    },
    trace: async () => {
      await until(async () => {
        const status = (await call("GET", `/v1/services/${service}`)).json["service"]["status"] as string;
        const running = (await list(`/v1/deployments?service_id=${service}&limit=100`, "deployments")).filter(
          (one) => !ENDED.has(String(one["status"])),
        );
        return status === "HEALTHY" && running.length === 1;
      });
      const [deployment] = await list(`/v1/deployments?service_id=${service}&limit=1`, "deployments");
      const { name, app_id: _app, id: _id } = (await call("GET", `/v1/services/${service}`)).json["service"] as Json;
      const instances = await list(`/v1/instances?service_id=${service}&limit=100`, "instances");
      return {
        secrets: (await list("/v1/secrets?limit=100", "secrets"))
          .map((secret) => `${String(secret["name"])} ${String(secret["type"])}`)
          .sort(),
        service: name,
        services: (await list("/v1/services?limit=100", "services")).length,
        definition: deployment?.["definition"],
        instances: instances.filter(({ status }) => status !== "STOPPED" && status !== "ERROR").length,
      };
    },
    close: () => koyeb.close(),
  };
}

const ALL = process.env["ROWS"] === "all";
/** Only `now` changes more than slots. */
const KILLED = Object.keys(MODES).filter((mode) => ALL || mode === "--emergency now");

describe.each([["Koyeb", koyebWorld]])("at %s nothing is left that an ordinary rollout would not leave", (_, make) => {
  let world: World;
  let fresh: unknown;
  const alive = () => world.origin(testContext({ fetch, realTime: true }));
  beforeAll(async () => {
    world = await make();
    await next(alive());
    fresh = await world.trace();
  }, 60_000);
  // Each mode begins where slot a serves, whichever was tried before it.
  beforeEach(() => next(alive()), 60_000);
  afterAll(() => world.close());

  it.each(Object.keys(MODES))("after %s", { timeout: 60_000 }, async (mode) => {
    await MODES[mode]?.(alive());
    expect(await world.trace()).toEqual(fresh);
  });

  it.each(KILLED.flatMap((mode) => (["before", "after"] as const).map((when) => [mode, when] as const)))(
    "after %s that was killed %s any of its writes, and the next run",
    { timeout: 180_000 },
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
