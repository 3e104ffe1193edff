import { describe, expect, it } from "vitest";
import { FakeCloud, type FakeOriginState, type FaultKind } from "../test/fake-cloud.ts";
import { holderOf, live, type Ending, type LifeOptions } from "../test/fake-run.ts";
import { enterPool, obstacle, withOrigin } from "./join.ts";
import { phaseOf } from "./phase.ts";

const K0 = "00000000000000aa";
const KINDS: readonly FaultKind[] = ["kill-before", "kill-after", "lost", "error"];
const errorOf = (ending: Ending) =>
  ending.kind === "stopped" ? `${ending.error.code}: ${ending.error.message}` : ending.kind;
const named = (cloud: FakeCloud, name: string): FakeOriginState => {
  const origin = cloud.origins.find((candidate) => candidate.name === name);
  if (!origin) throw new TypeError(`no origin ${name}`);
  return origin;
};
const route = (name: string) => ({ name, url: `https://${name}.example.com`, state: "pool" as const });

/** One process life that lets koyeb in. */
const enter = (cloud: FakeCloud, options: Partial<LifeOptions> = {}): Promise<Ending> =>
  live(cloud, {
    id: "join",
    ...options,
    work: async (run) => {
      await enterPool(run, route("koyeb"), ["koyeb", "fly"], () => undefined);
      return phaseOf(await run.observe());
    },
  });

/** koyeb missed a rotation, is declared joining, and got its secret in a rotation of its own. */
async function ready(seed = 1): Promise<FakeCloud> {
  const cloud = new FakeCloud({ seed }).steady(K0).withJournal();
  const koyeb = named(cloud, "koyeb");
  for (const state of ["quarantined", "joining"] as const) {
    koyeb.state = state;
    cloud.foreignDeploy();
    expect(errorOf(await live(cloud, { id: state }))).toBe("done");
  }
  return cloud;
}
const routes = (cloud: FakeCloud) => {
  const version = cloud.versions.find(({ id }) => id === cloud.deployment[0]?.versionId);
  return version ? cloud.routes(version) : null;
};

describe("an origin enters the pool", () => {
  it("when it holds the live secret and nothing else, after switch and drain; the gateway's secret stays", async () => {
    const cloud = await ready();
    const before = cloud.sendable();
    expect(routes(cloud)).toEqual({ koyeb: "joining", fly: "pool" });
    expect(errorOf(await enter(cloud))).toBe("done");
    expect(routes(cloud)).toEqual({ koyeb: "pool", fly: "pool" });
    cloud.pass(5000);
    expect(cloud.sendable()).toEqual(before);
    expect(cloud.violation).toBeNull();
    expect(errorOf(await enter(cloud, { id: "again" }))).toBe("done");
  });

  it.each(KINDS)(
    "at every point safely, whatever call is hit, and at the latest with the next run: %s",
    async (kind) => {
      const clean = await ready(9);
      const start = clean.calls;
      await enter(clean);
      const calls = clean.calls - start;
      for (let n = 1; n <= calls; n++) {
        const cloud = await ready(9);
        const from = cloud.calls;
        cloud.fault = (call) => (call === from + n ? kind : null);
        await enter(cloud);
        cloud.fault = () => null;
        const steal = holderOf(cloud);
        expect({
          n,
          end: errorOf(await enter(cloud, { id: "again", ...(steal === undefined ? {} : { steal }) })),
        }).toEqual({
          n,
          end: "done",
        });
        expect({ n, routes: routes(cloud), violation: cloud.violation, shares: cloud.deployment.length }).toEqual({
          n,
          routes: { koyeb: "pool", fly: "pool" },
          violation: null,
          shares: 1,
        });
      }
    },
  );

  it.each<[string, (cloud: FakeCloud) => Promise<unknown> | void, RegExp]>([
    [
      "while it holds no live secret",
      (cloud) => {
        const koyeb = named(cloud, "koyeb");
        koyeb.config = { a: "00000000000000ee", b: "revoked:0000000000000000" };
        for (const instance of koyeb.instances) instance.kids = { ...koyeb.config };
      },
      /^ERR_PHASE: koyeb does not accept the live secret/,
    ],
    [
      "while one instance of it still accepts another secret too",
      (cloud) => {
        const [first] = named(cloud, "koyeb").instances;
        if (first && "a" in first.kids)
          first.kids = { a: first.kids.a, b: first.kids.a === null ? null : "00000000000000ff" };
      },
      /^ERR_PHASE: /,
    ],
    [
      "while nothing runs there",
      (cloud) => void (named(cloud, "koyeb").instances = []),
      /^ERR_PARTIAL: koyeb has its slots, but nothing runs there yet/,
    ],
    [
      "while its platform is away",
      (cloud) => void (named(cloud, "koyeb").down = true),
      /^ERR_PHASE: cannot observe koyeb/,
    ],
    [
      "while a rotation is unfinished",
      async (cloud) => {
        cloud.fault = (_call, name) => (name === "github: write live" ? "error" : null);
        await live(cloud, { id: "dead" });
        cloud.fault = () => null;
      },
      /^ERR_PHASE: the installation is in phase LINGERING/,
    ],
  ])("not %s", async (_when, spoil, message) => {
    const cloud = await ready();
    await spoil(cloud);
    const before = routes(cloud);
    const steal = holderOf(cloud);
    expect(errorOf(await enter(cloud, steal === undefined ? {} : { steal }))).toMatch(message);
    expect(routes(cloud)).toEqual(before);
    expect(cloud.violation).toBeNull();
  });

  it("not when the gateway itself is refused there: the reports may be of another place than the one it sends to", async () => {
    const cloud = await ready();
    const ending = await enter(cloud, {
      wrap: (targets) => ({
        ...targets,
        worker: {
          ...targets.worker,
          probe: async (versionId, origin) => {
            const report = await targets.worker.probe(versionId, origin);
            return report?.observation
              ? { ...report, observation: { ...report.observation, accepted: origin !== "koyeb" } }
              : report;
          },
        },
      }),
    });
    expect(errorOf(ending)).toMatch(/^ERR_MISMATCH: koyeb refuses the secret of Worker version/);
    expect(routes(cloud)).toEqual({ koyeb: "joining", fly: "pool" });
    expect(cloud.deployment).toHaveLength(1);
  });

  it("not without an answer from every instance that its platform lists", () => {
    const look = { ok: true as const, instances: [], config: null, silent: ["m-1", "m-2"] };
    const observation = { origins: [{ name: "koyeb", state: "joining" as const, look }] } as unknown as Parameters<
      typeof obstacle
    >[0];
    const phase = { name: "STEADY", live: K0 } as unknown as Parameters<typeof obstacle>[1];
    expect(obstacle(observation, phase, "koyeb")).toMatchObject({
      code: "ERR_PARTIAL",
      message: "koyeb: instance m-1, m-2 does not answer",
    });
    expect(obstacle(observation, phase, "other")).toMatchObject({ code: "ERR_PHASE" });
  });
});

describe("its place", () => {
  const config = (...origins: { name: string; url: string; state: "pool" | "joining" | "quarantined" }[]) =>
    ({ origins }) as unknown as Parameters<typeof withOrigin>[0];
  const fly = route("fly");
  it.each([
    ["where it was", config({ ...route("koyeb"), state: "quarantined" }, fly), ["koyeb", "fly"], ["koyeb", "fly"]],
    ["as the file orders it, new", config(fly), ["koyeb", "fly"], ["koyeb", "fly"]],
    ["after the others, new", config(fly), ["fly", "koyeb"], ["fly", "koyeb"]],
  ])("is %s", (_where, before, names, after) => {
    const next = withOrigin(before, route("koyeb"), names);
    expect(next?.origins.map(({ name, state }) => `${name} ${state}`)).toEqual(after.map((name) => `${name} pool`));
  });
  it("is not changed where it has it, and its address follows the file", () => {
    expect(withOrigin(config(route("koyeb")), route("koyeb"), ["koyeb"])).toBeNull();
    expect(
      withOrigin(config({ ...route("koyeb"), url: "https://old.example.com" }), route("koyeb"), ["koyeb"])?.origins,
    ).toEqual([route("koyeb")]);
  });
});
