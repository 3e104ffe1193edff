/**
 * Random schedules: instances sleep and wake, platforms go down and come back, somebody deploys code, runs are killed or lose
 * replies at any call. S1 and S2 hold at every step, and the re-runs end with one secret.
 *
 *   SCHEDULES=5000 SEED=42 npx vitest run cli/secrets/schedules
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeCloud, seededRandom, type FaultKind } from "../test/fake-cloud.ts";
import { converge, live } from "../test/fake-run.ts";

const K0 = "00000000000000aa";
const SCHEDULES = Number(process.env["SCHEDULES"] ?? 300);
const SEED = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

const hit = fc.record({
  at: fc.nat(220),
  kind: fc.constantFrom<FaultKind>("kill-before", "kill-after", "lost", "error"),
});
const schedule = fc.record({
  seed: fc.nat(1_000_000),
  hits: fc.array(hit, { maxLength: 3 }),
  /** Ticks of virtual time at which somebody deploys code. */
  deploys: fc.array(fc.nat(160), { maxLength: 2 }),
  /** Ticks between which one platform's API is away. */
  outage: fc.option(fc.record({ origin: fc.nat(1), from: fc.nat(120), ticks: fc.integer({ min: 1, max: 20 }) })),
  asleep: fc.nat(1),
});

describe("a rotation under a random schedule", () => {
  it(`keeps S1 and S2 at every step and converges (${SCHEDULES} schedules, seed ${SEED})`, async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async ({ seed, hits, deploys, outage, asleep }) => {
        const cloud = new FakeCloud({
          seed,
          origins: [
            { name: "koyeb", kind: "koyeb", instances: 2 },
            { name: "fly", kind: "fly", instances: 2, asleep },
          ],
        })
          .steady(K0)
          .withJournal();
        const random = seededRandom(seed);
        let tick = 0;
        cloud.event = () => {
          tick++;
          if (deploys.includes(tick)) cloud.foreignDeploy();
          if (outage) cloud.origins[outage.origin]!.down = tick >= outage.from && tick < outage.from + outage.ticks;
          if (random() < 0.02) {
            const fly = cloud.origins[1]!;
            const instance = fly.instances[Math.floor(random() * fly.instances.length)]!;
            if (!instance.awake || fly.instances.filter((candidate) => candidate.awake).length > 1)
              instance.awake = !instance.awake;
          }
        };
        const start = cloud.calls;
        cloud.fault = (call) => hits.find((candidate) => start + candidate.at === call)?.kind ?? null;
        await live(cloud, { id: "first" });
        await converge(cloud, "again", 8);
        expect({ violation: cloud.violation, residue: cloud.residue() }).toEqual({ violation: null, residue: null });
      }),
      { numRuns: SCHEDULES, seed: SEED },
    );
  });
});
