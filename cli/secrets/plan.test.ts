/** Every phase with every flag on the fake cloud: what `--dry-run` prints is what the run does, step by step, or what it refuses. */
import { beforeAll, describe, expect, it } from "vitest";
import { planFrom } from "../runs/rotation-plan.ts";
import { FakeCloud } from "../test/fake-cloud.ts";
import { converge, holderOf, live, type Ending } from "../test/fake-run.ts";
import { emergency } from "./emergency.ts";
import { phaseOf, PHASE_NAMES, type Phase, type PhaseName } from "./phase.ts";
import { nextCommand } from "./phases/table.ts";
import type { Plan } from "./plan.ts";

const K0 = "00000000000000aa";
const K1 = "00000000000000bb";
const ZERO = "revoked:0000000000000000";
const ORIGINS = [
  { name: "koyeb", kind: "koyeb" },
  { name: "fly", kind: "fly" },
] as const;
const installed = (): FakeCloud => new FakeCloud({ origins: ORIGINS }).steady(K0).withJournal();

/** A cloud in which a run died at the `nth` call of a name. */
async function died(name: string, kind: "kill-before" | "kill-after" = "kill-after", nth = 1): Promise<FakeCloud> {
  const cloud = installed();
  let met = 0;
  cloud.fault = (_, called) => (called === name && ++met === nth ? kind : null);
  expect((await live(cloud, { id: "dies" })).kind).toBe("killed");
  cloud.fault = () => null;
  // Edges and rollouts have settled, as they have when a person looks.
  cloud.pass(10_000);
  return cloud;
}

/** One world in each phase that a look can find. PROBED and DRAINED are seen only by the run that probed and drained. */
const WORLDS: Readonly<Record<Exclude<PhaseName, "PROBED" | "DRAINED">, () => FakeCloud | Promise<FakeCloud>>> = {
  UNSET: () => {
    const cloud = new FakeCloud({ origins: ORIGINS.map((origin) => ({ ...origin, instances: 0 })) });
    cloud.versions = [
      { id: "v1", number: 1, kid: null, annotatedKid: null, annotatedFrom: null, annotatedRun: null, etag: "code-0" },
    ];
    cloud.deployment = [{ versionId: "v1", percentage: 100 }];
    return cloud;
  },
  BLIND: () => {
    const cloud = installed();
    cloud.origins[1]!.down = true;
    return cloud;
  },
  ASTRAY: async () => {
    const cloud = installed();
    await live(cloud, { id: "first" });
    cloud.checksS1 = false;
    cloud.foreignRelease("v1");
    cloud.pass(10_000);
    return cloud;
  },
  LEGACY: () => {
    const cloud = installed();
    for (const origin of cloud.origins) {
      origin.config = { a: null, b: null };
      origin.legacy = K0;
      for (const instance of origin.instances) instance.kids = { legacy: K0 };
    }
    return cloud;
  },
  FORKED: () => {
    const cloud = installed();
    cloud.checksS1 = false;
    for (const instance of cloud.origins[1]!.instances) instance.kids = { a: K1, b: ZERO };
    return cloud;
  },
  LOST: () => {
    const cloud = installed();
    cloud.origins[1]!.config = { a: null, b: ZERO };
    cloud.origins[1]!.configChanged = true;
    return cloud;
  },
  RESURRECTED: async () => {
    const cloud = installed();
    await live(cloud, { id: "first" });
    const fly = cloud.origins[1]!;
    fly.config = { ...fly.config, a: K0 };
    for (const instance of fly.instances) instance.kids = { ...fly.config };
    return cloud;
  },
  MISALIGNED: () => {
    const cloud = installed();
    const fly = cloud.origins[1]!;
    fly.config = { a: ZERO, b: K0 };
    for (const instance of fly.instances) instance.kids = { ...fly.config };
    return cloud;
  },
  CANARY: () => {
    const cloud = installed();
    cloud.foreignUpload();
    cloud.deployment = [
      { versionId: "v1", percentage: 90 },
      { versionId: "v2", percentage: 10 },
    ];
    return cloud;
  },
  UNDONE: async () => {
    const cloud = installed();
    cloud.fault = (_, name) => {
      if (name !== "worker: deploy") return null;
      cloud.event = () => {
        cloud.event = null;
        cloud.foreignDeploy();
      };
      return "kill-after";
    };
    await live(cloud, { id: "dies" });
    cloud.fault = () => null;
    cloud.pass(10_000);
    return cloud;
  },
  SPLIT: async () => {
    const cloud = await died("worker: upload");
    cloud.deployment = [
      { versionId: "v1", percentage: 90 },
      { versionId: "v2", percentage: 10 },
    ];
    return cloud;
  },
  LINGERING: async () => died("github: write live", "kill-before"),
  RETIRING: async () => {
    // Somebody looks after one origin was retired and the other was not: the run that drained is gone, so it drains again.
    const cloud = installed();
    cloud.fault = (_, name) =>
      name === "koyeb: redeploy" && cloud.origins[0]!.config.a?.startsWith("revoked") ? "kill-after" : null;
    await live(cloud, { id: "dies" });
    cloud.fault = () => null;
    cloud.pass(10_000);
    return cloud;
  },
  ORPHAN: async () => {
    const cloud = await died("koyeb: redeploy");
    cloud.pass(25 * 3_600_000);
    return cloud;
  },
  OUTDATED: async () => {
    const cloud = await died("worker: upload");
    const [candidate, ...older] = cloud.versions;
    cloud.versions = [{ ...candidate!, etag: "code-of-a-preview" }, ...older];
    return cloud;
  },
  UPLOADED: async () => died("worker: upload"),
  STAGED: async () => died("worker: upload", "kill-before"),
  STAGING: async () => died("koyeb: write b"),
  UNBACKED: () => {
    const cloud = installed();
    cloud.vault.a = { kid: null, updatedAt: null };
    cloud.checksS2 = false;
    return cloud;
  },
  RETIRED: async () => died("worker: deploy", "kill-before", 3),
  STEADY: installed,
};
/** What a look finds where it is not the name of the world. */
const FOUND: Partial<Record<PhaseName, PhaseName>> = { RETIRING: "LINGERING" };

const FLAGS = {
  none: { init: false, clean: false },
  "--clean": { init: false, clean: true },
  "--init": { init: true, clean: false },
  "--emergency fast": { init: false, clean: false, emergency: "fast" },
  "--emergency now": { init: false, clean: false, emergency: "now" },
} as const;
type Flag = keyof typeof FLAGS;

interface Outcome {
  readonly found: Phase;
  readonly plan: Plan;
  readonly steps: readonly string[];
  readonly ending: Ending;
}

const rows = Object.keys(WORLDS).flatMap((world) =>
  (Object.keys(FLAGS) as Flag[]).map((flag) => [world as keyof typeof WORLDS, flag] as const),
);

async function outcome(world: keyof typeof WORLDS, flag: Flag): Promise<Outcome> {
  const cloud = await WORLDS[world]();
  const flags = FLAGS[flag];
  let plan: Plan | null = null;
  let found: Phase | null = null;
  const stolen = holderOf(cloud);
  const steal = stolen === undefined ? {} : { steal: stolen };
  const dry = await live(cloud, {
    ...steal,
    id: "dry",
    work: async (run) => {
      const observation = await run.observe();
      found = phaseOf(observation);
      plan = planFrom(run, observation, flags);
      return found;
    },
  });
  if (!plan || !found) throw new TypeError(`no plan: ${JSON.stringify(dry)}`);
  if ("emergency" in flags) cloud.checksS1 = false;
  const steps: string[] = [];
  const ending = await live(cloud, {
    id: "real",
    init: flags.init,
    clean: flags.clean,
    steps,
    ...("emergency" in flags ? { work: (run) => emergency(run, flags.emergency) } : {}),
  });
  return { found, plan, steps, ending };
}

describe("a plan", () => {
  it("has a world for every phase", () => {
    expect(Object.keys(WORLDS).concat("PROBED", "DRAINED").toSorted()).toEqual([...PHASE_NAMES].toSorted());
  });

  it.each(rows)("from %s with %s is what the run does or refuses", async (world, flag) => {
    const { found, plan, steps, ending } = await outcome(world, flag);
    expect(found.name).toBe(FOUND[world] ?? world);
    const planned = plan.actions.map((action) => [...action.steps].toSorted());
    // Steps of one action run beside each other, so they are compared as a set each, in the order of the actions.
    let at = 0;
    const done = planned.map(({ length }) => steps.slice(at, (at += length)).toSorted());
    expect({ done, more: steps.slice(at) }).toEqual({ done: planned, more: [] });
    const stopped = ending.kind === "stopped" ? ending.error : null;
    expect(stopped && { message: stopped.message, hint: stopped.hint, exitCode: stopped.exitCode }).toEqual(
      plan.stops && { message: plan.stops.message, hint: plan.stops.hint, exitCode: plan.stops.exitCode },
    );
  });

  describe("that ends", () => {
    const ENV = "--env sandbox";
    let worlds: ReadonlyMap<string, Phase>;
    beforeAll(async () => {
      const found = new Map<string, Phase>();
      for (const world of Object.keys(WORLDS) as (keyof typeof WORLDS)[])
        found.set(world, (await outcome(world, "none")).found);
      worlds = found;
    });
    // `next` of status and verify, for each phase: literally, because people type it.
    it.each([
      ["UNSET", "mcpist secrets rotate --init --env sandbox"],
      ["BLIND", "bring fly back, or: mcpist origins quarantine fly --env sandbox"],
      [
        "ASTRAY",
        "mcpist secrets restore worker --env sandbox   (or deploy its version: npx wrangler versions deploy v2@100% --name gw)",
      ],
      ["LEGACY", "mcpist secrets rotate --env sandbox   (in a workflow job that has the old value)"],
      ["FORKED", "mcpist secrets restore fly --env sandbox   (in a workflow job)"],
      ["LOST", "mcpist secrets restore fly --env sandbox   (in a workflow job)"],
      ["RESURRECTED", "mcpist secrets rotate --env sandbox   (a new secret everywhere)"],
      ["MISALIGNED", "mcpist secrets restore fly --env sandbox   (in a workflow job)"],
      ["CANARY", "give one of v1, v2 all traffic: npx wrangler versions deploy --name gw"],
      ["UNDONE", "mcpist secrets rotate --env sandbox   (finishes what was begun)"],
      ["SPLIT", "mcpist secrets rotate --env sandbox   (finishes what was begun)"],
      ["LINGERING", "mcpist secrets rotate --env sandbox   (finishes what was begun)"],
      ["ORPHAN", "mcpist secrets rotate --clean --env sandbox"],
      ["OUTDATED", "mcpist secrets rotate --env sandbox   (finishes what was begun)"],
      ["UPLOADED", "mcpist secrets rotate --env sandbox   (finishes what was begun)"],
      ["STAGED", "mcpist secrets rotate --env sandbox   (a new secret over what was begun)"],
      ["STAGING", "mcpist secrets rotate --env sandbox   (a new secret over what was begun)"],
      ["UNBACKED", "mcpist secrets rotate --env sandbox   (a new secret everywhere)"],
      ["RETIRED", "mcpist secrets rotate --env sandbox   (finishes what was begun)"],
      ["STEADY", ""],
    ])("in %s has the next command %s", (world, next) => {
      const phase = worlds.get(world);
      expect(phase && nextCommand(phase, ENV, "gw")).toBe(next);
    });

    // Where the next command is a rotation, it gets there; where it is not, a rotation changes nothing.
    it.each(Object.keys(WORLDS).filter((world) => !["UNSET", "BLIND", "LEGACY"].includes(world)))(
      "from %s with the promise, or with nothing written",
      async (world) => {
        const cloud = await WORLDS[world as keyof typeof WORLDS]();
        const next = nextCommand(worlds.get(world)!, ENV, "gw");
        const rotates = next === "" || next.startsWith("mcpist secrets rotate") || world === "ASTRAY";
        if (rotates) {
          await converge(cloud, "next");
          expect({ residue: cloud.residue(), code: cloud.wrongCode() }).toEqual({ residue: null, code: null });
          return;
        }
        cloud.log.length = 0;
        expect((await live(cloud, { id: "refused" })).kind).toBe("stopped");
        expect(cloud.log.filter((name) => /write|upload|deploy$|fly: update|redeploy/.test(name))).toEqual([]);
      },
    );
  });
});
