import { describe, expect, it } from "vitest";
import { acceptedKids } from "../../contract/slots.ts";
import { emergency } from "./emergency.ts";
import { FakeCloud, type FakeOriginState, type FaultKind } from "../test/fake-cloud.ts";
import { converge, holderOf, live, type Ending } from "../test/fake-run.ts";

const K0 = "00000000000000aa";
const KINDS: readonly FaultKind[] = ["kill-before", "kill-after", "lost", "error"];
const errorOf = (ending: Ending) =>
  ending.kind === "stopped" ? `${ending.error.code}: ${ending.error.message}` : ending.kind;
const done = async (cloud: FakeCloud, id: string): Promise<void> => {
  expect(errorOf(await live(cloud, { id }))).toBe("done");
};
const named = (cloud: FakeCloud, name: string): FakeOriginState => {
  const origin = cloud.origins.find((candidate) => candidate.name === name);
  if (!origin) throw new TypeError(`no origin ${name}`);
  return origin;
};

/** Two origins that serve and a third that never held a secret. `exists`: its service is deployed and could not start. */
function withNewcomer(kind: "koyeb" | "fly", exists: boolean, seed = 1): FakeCloud {
  const cloud = new FakeCloud({
    seed,
    origins: [
      { name: "koyeb", kind: "koyeb", instances: 2 },
      { name: "fly", kind: "fly", instances: 2, asleep: 1 },
      { name: "third", kind, instances: 0, state: "joining" },
    ],
  })
    .steady(K0)
    .withJournal();
  const third = named(cloud, "third");
  third.size = 1;
  third.service = exists;
  return cloud;
}

/** An installation in which koyeb is out of the pool while `rotations` happen, and is then declared joining. */
async function withReturner(rotations: number, seed = 1): Promise<FakeCloud> {
  const cloud = new FakeCloud({ seed }).steady(K0).withJournal();
  const koyeb = named(cloud, "koyeb");
  koyeb.state = "quarantined";
  cloud.foreignDeploy();
  for (let i = 0; i < rotations; i++) await done(cloud, `away-${i}`);
  koyeb.state = "joining";
  cloud.foreignDeploy();
  return cloud;
}

/** What holds after a rotation in which `name` was joining: it holds the live secret and nothing else. */
function expectReady(cloud: FakeCloud, name: string): void {
  const origin = named(cloud, name);
  const [kid] = cloud.sendable();
  expect(cloud.violation).toBeNull();
  expect(cloud.residue()).toBeNull();
  expect(acceptedKids(origin.config)).toEqual([kid]);
  expect(origin.instances.every(({ kids }) => acceptedKids(kids).join() === kid)).toBe(true);
}

describe("an origin that is joining", () => {
  it.each(["koyeb", "fly"] as const)(
    "gets its first secret before its service exists on %s, and its service boots with it",
    async (kind) => {
      const cloud = withNewcomer(kind, false);
      await done(cloud, "first");
      expectReady(cloud, "third");
      const third = named(cloud, "third");
      cloud.deployService(third);
      expectReady(cloud, "third");
      await done(cloud, "second");
      expectReady(cloud, "third");
      third.state = "pool";
      cloud.foreignDeploy();
      expect(cloud.violation).toBeNull();
      await done(cloud, "third");
      expectReady(cloud, "third");
    },
  );

  it("is started by the rotation where its service was deployed too early to start", async () => {
    const cloud = withNewcomer("koyeb", true);
    await done(cloud, "first");
    expect(named(cloud, "third").instances).toHaveLength(1);
    expectReady(cloud, "third");
  });

  it.each([1, 2, 3])(
    "comes back after %i rotations that it missed, without an alarm about what it still holds",
    async (rotations) => {
      const cloud = await withReturner(rotations);
      expect(cloud.sendable()).not.toEqual(named(cloud, "koyeb").instances.flatMap(({ kids }) => acceptedKids(kids)));
      await done(cloud, "back");
      expectReady(cloud, "koyeb");
      named(cloud, "koyeb").state = "pool";
      cloud.foreignDeploy();
      expect(cloud.violation).toBeNull();
    },
  );

  it("keeps what it has where it missed nothing, and is rotated like the others", async () => {
    const cloud = await withReturner(0);
    expect(named(cloud, "koyeb").config.a).toBe(K0);
    await done(cloud, "back");
    expectReady(cloud, "koyeb");
  });

  it("does not hold up production when it cannot be brought up: the run stops, and nothing was switched", async () => {
    const cloud = await withReturner(1);
    const before = cloud.sendable();
    named(cloud, "koyeb").down = true;
    const ending = await live(cloud, { id: "down" });
    expect(ending).toMatchObject({ kind: "stopped" });
    expect(cloud.sendable()).toEqual(before);
    expect(cloud.violation).toBeNull();
    named(cloud, "koyeb").down = false;
    await converge(cloud, "again");
    expectReady(cloud, "koyeb");
  });

  it("is left alone by --clean and by a step back: its only secret is never taken away", async () => {
    const cloud = await withReturner(1);
    cloud.fault = (_call, name) => (name === "worker: upload" ? "kill-before" : null);
    await live(cloud, { id: "dead" });
    cloud.fault = () => null;
    const ending = await live(cloud, { id: "clean", clean: true, steal: "dead" });
    expect(errorOf(ending)).toBe("done");
    expect(cloud.violation).toBeNull();
    expect(acceptedKids(named(cloud, "koyeb").config)).toHaveLength(1);
    await done(cloud, "after");
    expectReady(cloud, "koyeb");
  });

  it("may be brought in by a deploy instead of a command: the next proof asks through a version that knows it", async () => {
    const cloud = withNewcomer("fly", true);
    const forget = (config = "") => {
      const parsed = JSON.parse(config) as { origins: { name: string }[] };
      return JSON.stringify({ ...parsed, origins: parsed.origins.filter(({ name }) => name !== "third") });
    };
    cloud.versions = cloud.versions.map((version) => ({ ...version, config: forget(version.config) }));
    const third = named(cloud, "third");
    third.instances = [];
    third.service = false;
    await done(cloud, "first");
    cloud.deployService(third);
    third.state = "pool";
    cloud.foreignDeploy();
    await done(cloud, "second");
    expectReady(cloud, "third");
  });

  it.each(["now", "fast"] as const)(
    "gets the new secret in an emergency (%s) too, and is no survivor where nothing runs",
    async (mode) => {
      for (const cloud of [withNewcomer("koyeb", false), await withReturner(1)]) {
        cloud.checksS1 = false;
        const [leaked = ""] = cloud.sendable();
        const ending = await live(cloud, { id: "emergency", work: (run) => emergency(run, mode) });
        expect(errorOf(ending)).toBe("done");
        expect(cloud.residue()).toBeNull();
        cloud.pass(5000); // the slowest edge location learns of the switch
        expect(cloud.sendable()).not.toContain(leaked);
      }
    },
  );

  it.each(KINDS)(
    "gets there whatever call of the rotation is hit, with production served at every step: %s",
    async (kind) => {
      const clean = await withReturner(1, 5);
      const start = clean.calls;
      await done(clean, "clean");
      const calls = clean.calls - start;
      for (let n = 1; n <= calls; n += 3) {
        const cloud = await withReturner(1, 5);
        const from = cloud.calls;
        cloud.fault = (call) => (call === from + n ? kind : null);
        await live(cloud, { id: "hit" });
        cloud.fault = () => null;
        await converge(cloud, "rerun");
        expect({ n, violation: cloud.violation, residue: cloud.residue(), lock: holderOf(cloud) }).toEqual({
          n,
          violation: null,
          residue: null,
          lock: undefined,
        });
      }
    },
  );
});
