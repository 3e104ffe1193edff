/** Every phase with every flag on the fake cloud: what `--dry-run` prints is what the run does, step by step, or what it refuses. */
import { beforeAll, describe, expect, it } from "vitest";
import { planFrom } from "../runs/rotation-plan.ts";
import { converge, holderOf, live, type Ending } from "../test/fake-run.ts";
import { emergency } from "./emergency.ts";
import { phaseOf, PHASE_NAMES, type Phase, type PhaseName } from "./phase.ts";
import { nextHint } from "./phases/table.ts";
import { WORLDS } from "../test/worlds.ts";
import type { Plan } from "./plan.ts";
import { NOWHERE } from "../hints/hint.ts";

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
    const PLACE = { ...NOWHERE, env: "sandbox", worker: "gw" };
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
      [
        "BLIND",
        'bring fly back, or set its state to "quarantined" in mcpist.config.ts and take it out of the pool on purpose: mcpist origins quarantine fly --env sandbox',
      ],
      [
        "ASTRAY",
        "mcpist secrets restore worker --env sandbox   (or deploy its version: npx wrangler versions deploy v2@100% --name gw)",
      ],
      ["LEGACY", "mcpist secrets rotate --env sandbox   (in a workflow job that has the old value as GATEWAY_SECRET)"],
      ["FORKED", "mcpist secrets restore fly --env sandbox   (in a workflow job)"],
      ["LOST", "mcpist secrets restore fly --env sandbox   (in a workflow job)"],
      ["RESURRECTED", "mcpist secrets rotate --env sandbox   (a new secret everywhere)"],
      ["MISALIGNED", "mcpist secrets restore fly --env sandbox   (in a workflow job)"],
      [
        "CANARY",
        "give one of v1 and v2 all traffic (npx wrangler versions deploy v1@100% --yes --name gw), then run the command again",
      ],
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
      expect(phase && (nextHint(phase)?.text(PLACE) ?? "")).toBe(next);
    });

    // Where the next command is a rotation, it gets there; where it is not, a rotation changes nothing.
    it.each(Object.keys(WORLDS).filter((world) => !["UNSET", "BLIND", "LEGACY"].includes(world)))(
      "from %s with the promise, or with nothing written",
      async (world) => {
        const cloud = await WORLDS[world as keyof typeof WORLDS]();
        const next = nextHint(worlds.get(world)!)?.text(PLACE) ?? "";
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
