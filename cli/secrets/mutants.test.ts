/**
 * The real rotator with one guard taken away, from outside: targets are wrapped, the product has no switch for it.
 * Every mutant must be caught by the invariants under the same events that the whole rotator survives.
 */
import { describe, expect, it } from "vitest";
import { FakeCloud, seededRandom } from "../test/fake-cloud.ts";
import { DRAIN, holderOf, live, type LifeOptions } from "../test/fake-run.ts";
import { origins, type Wrap } from "../test/wraps.ts";
import type { OriginLook, SlotValues, Targets } from "../targets/types.ts";

const K0 = "00000000000000aa";
const SEEDS = 40;

/** One world: instances fall asleep and wake, one run is killed somewhere, another finishes. @returns what went wrong. */
async function world(
  seed: number,
  mutant: Partial<LifeOptions>,
  prepare: (cloud: FakeCloud) => void = () => undefined,
): Promise<string | null> {
  const cloud = new FakeCloud({
    seed,
    origins: [
      { name: "koyeb", kind: "koyeb", instances: 2 },
      { name: "fly", kind: "fly", instances: 2 },
    ],
  })
    .steady(K0)
    .withJournal();
  const random = seededRandom(seed);
  cloud.event = () => {
    if (random() > 0.02) return;
    const fly = cloud.origins.find((origin) => origin.name === "fly");
    const instance = fly?.instances[Math.floor(random() * fly.instances.length)];
    // One instance always stays awake, as a platform with a minimum of one keeps it.
    if (instance && (!instance.awake || fly.instances.filter((candidate) => candidate.awake).length > 1))
      instance.awake = !instance.awake;
  };
  prepare(cloud);
  const killAt = cloud.calls + 1 + Math.floor(random() * 160);
  cloud.fault = (call) => (call === killAt ? "kill-before" : null);
  let claimedDone = false;
  for (let life = 0; life < 4 && !claimedDone; life++) {
    const steal = holderOf(cloud);
    const ending = await live(cloud, { ...mutant, id: `life-${life}`, ...(steal === undefined ? {} : { steal }) });
    claimedDone = ending.kind === "done";
    if (claimedDone && cloud.violation === null && cloud.residue() !== null) return `R: ${cloud.residue()}`;
    if (cloud.violation !== null) return cloud.violation;
  }
  return claimedDone ? null : "did not finish";
}

async function caught(
  mutant: () => Partial<LifeOptions>,
  prepare?: (cloud: FakeCloud) => void,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const wrong = await world(seed, mutant(), prepare);
    if (wrong !== null && wrong !== "did not finish") found.push(wrong);
  }
  return found;
}

const mapLook = (change: (look: Extract<OriginLook, { ok: true }>) => OriginLook): Wrap =>
  origins((origin) => ({
    look: async () => {
      const look = await origin.look();
      return look.ok ? change(look) : look;
    },
  }));

describe("the rotator without one of its guards", () => {
  it("survives every world as it is", async () => {
    expect(await caught(() => ({}))).toEqual([]);
  });

  it("is caught without the drain", async () => {
    expect(await caught(() => ({ drain: { ...DRAIN, minAge: 0, quiet: 0 } }))).not.toEqual([]);
  });

  it("is caught when the spare slot is used again at once, whatever still sends what is in it", async () => {
    const forget = (targets: Targets): Targets => ({
      ...targets,
      worker: {
        ...targets.worker,
        look: async (known) => {
          const look = await targets.worker.look(known);
          // What the version that sends has replaced is what may still be sent.
          const sends = (id: string) =>
            look.deployment.some(({ versionId, percentage }) => versionId === id && percentage > 0);
          const versions = look.versions.map((version) =>
            sends(version.id) ? { ...version, annotatedFrom: null } : version,
          );
          return { ...look, versions };
        },
      },
    });
    expect(await caught(() => ({ wrap: forget }))).not.toEqual([]);
  });

  it("is caught when one instance per origin is asked instead of all", async () => {
    const one = mapLook((look) => ({
      ...look,
      config: look.instances.at(-1)?.kids ?? null,
      instances: look.instances.slice(-1),
    }));
    // Rollouts that report success before the old instances are gone, as platforms do.
    const impatient = (cloud: FakeCloud) => {
      cloud.impatientRollouts = true;
    };
    expect(await caught(() => ({ wrap: one }), impatient)).not.toEqual([]);
    expect(await caught(() => ({}), impatient)).toEqual([]);
  });

  it("is caught when sleeping instances are not counted and Machines are only restarted", async () => {
    const found = await caught(
      () => ({}),
      (cloud) => {
        cloud.restartsOnly = true;
        cloud.sleepersAreInvisible = true;
      },
    );
    expect(found).not.toEqual([]);
  });

  it("is caught when GitHub is written after the switch", async () => {
    const late = (): Partial<LifeOptions> => {
      let pending: SlotValues = {};
      return {
        wrap: (targets) => ({
          ...targets,
          vault: {
            ...targets.vault,
            write: async (values) => {
              pending = { ...pending, ...values };
            },
          },
          worker: {
            ...targets.worker,
            deploy: async (shares, message, guard, options) => {
              const id = await targets.worker.deploy(shares, message, guard, options);
              if (shares.length > 1) return id;
              await targets.vault.write(pending, guard);
              pending = {};
              return id;
            },
          },
        }),
      };
    };
    expect(await caught(late)).not.toEqual([]);
  });

  it("is caught when the retirement is not verified", async () => {
    const blind = (): Partial<LifeOptions> => {
      let retiring = false;
      return {
        wrap: (targets) => ({
          ...targets,
          worker: {
            ...targets.worker,
            probe: async (versionId, origin) => withoutProof(await targets.worker.probe(versionId, origin), retiring),
          },
          origins: targets.origins.map((origin) => ({
            ...origin,
            write: async (values, guard) => {
              retiring ||= Object.values(values).some((value) => value?.startsWith("revoked:") ?? false);
              await origin.write(values, guard);
            },
            look: async () => {
              const look = await origin.look();
              if (!look.ok || !retiring || !look.config) return look;
              const { config } = look;
              return { ...look, instances: look.instances.map((instance) => ({ ...instance, kids: config })) };
            },
          })),
        }),
      };
    };
    const hollow = (cloud: FakeCloud) => {
      cloud.hollowWhen = (name) =>
        name === "koyeb" && cloud.versions.length > 1 && cloud.deployment.some((share) => share.versionId !== "v1");
    };
    expect(await caught(blind, hollow)).not.toEqual([]);
    // The whole rotator meets the same platform and does not say "done".
    for (let seed = 1; seed <= 3; seed++) expect(await world(seed, {}, hollow)).toBe("did not finish");
  });
});

/** A proof that nobody looks at. */
function withoutProof<T extends { observation: { accepted?: boolean } | null } | null>(
  report: T,
  retiring: boolean,
): T {
  return retiring && report?.observation
    ? { ...report, observation: { ...report.observation, accepted: false } }
    : report;
}
