import { describe, expect, it } from "vitest";
import type { GatewayConfig, OriginState } from "../../contract/runtime-config.ts";
import { McpistError } from "../errors.ts";
import { FakeCloud, type FaultKind } from "../test/fake-cloud.ts";
import { converge, holderOf, live, type Ending, type LifeOptions } from "../test/fake-run.ts";
import { phaseOf } from "./phase.ts";
import { checkRoutes, deployedRoutes, poolDrift, reroute, type Reroute } from "./pool.ts";

const K0 = "00000000000000aa";
const KINDS: readonly FaultKind[] = ["kill-before", "kill-after", "lost", "error"];

const installed = (seed = 1): FakeCloud => new FakeCloud({ seed }).steady(K0).withJournal();
const put =
  (name: string, state: OriginState): Reroute["change"] =>
  (config: GatewayConfig) =>
    config.origins.some((origin) => origin.name === name && origin.state === state)
      ? null
      : { ...config, origins: config.origins.map((origin) => (origin.name === name ? { ...origin, state } : origin)) };

/** One process life that takes koyeb out of the pool. */
const quarantine = (
  cloud: FakeCloud,
  options: Partial<LifeOptions> & { readonly check?: Reroute["check"] } = {},
): Promise<Ending> =>
  live(cloud, {
    id: "q",
    ...options,
    work: async (run) => {
      const { check } = options;
      await reroute(run, {
        name: "quarantine koyeb",
        change: put("koyeb", "quarantined"),
        ...(check ? { check } : {}),
      });
      return phaseOf(await run.observe());
    },
  });
const errorOf = (ending: Ending) =>
  ending.kind === "stopped" ? `${ending.error.code}: ${ending.error.message}` : ending.kind;
const deployed = (cloud: FakeCloud) => {
  const [share] = cloud.deployment;
  return cloud.versions.find(({ id }) => id === share?.versionId);
};
const routes = (cloud: FakeCloud) => {
  const version = deployed(cloud);
  return version ? cloud.routes(version) : null;
};

describe("other routes", () => {
  it("are deployed alone at 100 %, with the same secret and code, and are the latest upload", async () => {
    const cloud = installed();
    const before = deployed(cloud);
    expect(errorOf(await quarantine(cloud))).toBe("done");
    const after = deployed(cloud);
    expect(routes(cloud)).toEqual({ koyeb: "quarantined", fly: "pool" });
    expect(cloud.deployment).toEqual([{ versionId: after?.id, percentage: 100 }]);
    expect({ kid: after?.kid, etag: after?.etag }).toEqual({ kid: before?.kid, etag: before?.etag });
    expect(cloud.versions[0]?.id).toBe(after?.id);
    expect(cloud.violation).toBeNull();
  });

  it("need nothing from the origin that is taken out", async () => {
    const cloud = installed();
    cloud.origins[0]!.down = true;
    cloud.origins[0]!.instances = [];
    expect(errorOf(await quarantine(cloud))).toBe("done");
    expect(routes(cloud)).toMatchObject({ koyeb: "quarantined" });
    expect(cloud.log.filter((call) => call.startsWith("koyeb: write") || call.startsWith("koyeb: re"))).toEqual([]);
  });

  it("write the intent and the result to the journal, and give the lock back", async () => {
    const cloud = installed();
    await quarantine(cloud);
    const events = [...cloud.commits.values()].map(({ message }) => message.split("\n")[0]);
    expect(events.slice(1)).toEqual([
      "mcpist: acquired",
      "mcpist: quarantine koyeb",
      "mcpist: deploying",
      "mcpist: deploying",
      "mcpist: done: quarantine koyeb",
      "mcpist: released",
    ]);
    expect(holderOf(cloud)).toBeUndefined();
  });

  it("change nothing where they are so already", async () => {
    const cloud = installed();
    await quarantine(cloud);
    const { versions, deployment } = { versions: cloud.versions.length, deployment: cloud.deployment };
    expect(errorOf(await quarantine(cloud, { id: "again" }))).toBe("done");
    expect({ versions: cloud.versions.length, deployment: cloud.deployment }).toEqual({ versions, deployment });
  });

  it.each(KINDS)("survive a hit at every remote call and converge: %s", async (kind) => {
    const clean = installed(3);
    const start = clean.calls;
    await quarantine(clean);
    const calls = clean.calls - start;
    expect(calls).toBeGreaterThan(15);
    for (let n = 1; n <= calls; n++) {
      const cloud = installed(3);
      cloud.fault = (call) => (call === cloud.calls && call === n ? kind : null);
      await quarantine(cloud);
      cloud.fault = () => null;
      const steal = holderOf(cloud);
      expect({
        n,
        error: errorOf(await quarantine(cloud, { id: "again", ...(steal === undefined ? {} : { steal }) })),
      }).toEqual({
        n,
        error: "done",
      });
      expect({
        n,
        routes: routes(cloud),
        violation: cloud.violation,
        sends: cloud.sendable(),
        shares: cloud.deployment.length,
      }).toEqual({
        n,
        routes: { koyeb: "quarantined", fly: "pool" },
        violation: null,
        sends: [K0],
        shares: 1,
      });
      expect(cloud.versions[0]?.kid).toBe(K0);
    }
  });

  it("replace what a crashed rotation uploaded, so that the next deploy cannot send its candidate", async () => {
    const cloud = installed();
    cloud.fault = (_call, name) => (name === "worker: probe" ? "kill-before" : null);
    expect((await live(cloud, { id: "dead" })).kind).toBe("killed");
    cloud.fault = () => null;
    expect(cloud.versions[0]?.kid).not.toBe(K0);
    expect(errorOf(await quarantine(cloud, { steal: "dead" }))).toBe("done");
    expect(cloud.versions[0]).toMatchObject({ kid: K0, annotatedKid: K0 });
    cloud.origins[0]!.state = "quarantined";
    await converge(cloud, "rest");
    expect(cloud.violation).toBeNull();
    expect(cloud.residue()).toBeNull();
  });

  it("keep an unfinished drain an unfinished drain: the old secret is still known as the previous one", async () => {
    const cloud = installed();
    cloud.fault = (_call, name) => (name === "github: write live" ? "kill-before" : null);
    await live(cloud, { id: "dead" });
    cloud.fault = () => null;
    const kid = deployed(cloud)?.kid;
    const ending = await quarantine(cloud, { steal: "dead" });
    expect(ending.kind === "done" ? ending.phase : ending).toMatchObject({ name: "LINGERING", live: kid, other: K0 });
  });

  it("are refused while two versions share the traffic, and both are named", async () => {
    const split = installed();
    split.foreignDeploy();
    split.deployment = split.versions.slice(0, 2).map(({ id }) => ({ versionId: id, percentage: 50 }));
    expect(errorOf(await quarantine(split))).toBe("ERR_PHASE: two Worker versions share the traffic (v2, v1)");
  });

  it("go past a preview that somebody uploaded: the deployed code stays", async () => {
    const cloud = installed();
    cloud.foreignUpload();
    expect(errorOf(await quarantine(cloud))).toBe("done");
    expect({ routes: routes(cloud), code: cloud.wrongCode() }).toEqual({
      routes: { koyeb: "quarantined", fly: "pool" },
      code: null,
    });
  });

  it("are given to a deploy that got lost right under their own write", async () => {
    const clean = installed();
    await quarantine(clean);
    const writes = clean.log.flatMap((name, i) => (name === "worker: deploy" ? [i + 1] : []));
    expect(writes).toHaveLength(2);
    for (const n of writes) {
      const cloud = installed();
      cloud.fault = (call) => {
        if (call === n)
          cloud.event = () => {
            cloud.event = null;
            cloud.foreignDeploy();
          };
        return null;
      };
      expect(errorOf(await quarantine(cloud))).toBe("done");
      expect({ routes: routes(cloud), code: cloud.wrongCode(), violation: cloud.violation }).toEqual({
        routes: { koyeb: "quarantined", fly: "pool" },
        code: null,
        violation: null,
      });
    }
  });

  it("are not deployed when the new version sends another secret", async () => {
    const cloud = installed();
    const ending = await quarantine(cloud, {
      wrap: (targets) => ({
        ...targets,
        worker: {
          ...targets.worker,
          reconfigure: async (...given) => {
            const id = await targets.worker.reconfigure(...given);
            cloud.versions = cloud.versions.map((version) =>
              version.id === id ? { ...version, kid: "00000000000000ff" } : version,
            );
            return id;
          },
        },
      }),
    });
    expect(ending).toMatchObject({ kind: "stopped", error: { code: "ERR_MISMATCH" } });
    expect(routes(cloud)).toEqual({ koyeb: "pool", fly: "pool" });
    expect(cloud.deployment).toHaveLength(1);
    expect(cloud.sendable()).toEqual([K0]);
  });

  it("are given up, with the old version alone again, when the check at 0 % says no", async () => {
    const cloud = installed();
    const seen: unknown[] = [];
    const ending = await quarantine(cloud, {
      check: () => {
        seen.push(structuredClone(cloud.deployment));
        return Promise.reject(new McpistError("ERR_REFUSED", "not yet"));
      },
    });
    expect(errorOf(ending)).toBe("ERR_REFUSED: not yet");
    expect(seen).toEqual([
      [
        { versionId: "v1", percentage: 100 },
        { versionId: "v2", percentage: 0 },
      ],
    ]);
    expect(cloud.deployment).toEqual([{ versionId: "v1", percentage: 100 }]);
  });

  it("are looked at again when somebody deploys in between, and not forced upon somebody who never stops", async () => {
    const once = installed();
    let deploys = 0;
    const meddle = (cloud: FakeCloud, times: number): Partial<LifeOptions> => ({
      wrap: (targets) => ({
        ...targets,
        worker: {
          ...targets.worker,
          reconfigure: async (...given) => {
            const id = await targets.worker.reconfigure(...given);
            if (deploys++ < times) cloud.foreignDeploy();
            return id;
          },
        },
      }),
    });
    expect(errorOf(await quarantine(once, meddle(once, 1)))).toBe("done");
    expect(routes(once)).toEqual({ koyeb: "quarantined", fly: "pool" });
    expect(once.violation).toBeNull();
    deploys = 0;
    const always = installed();
    expect(errorOf(await quarantine(always, meddle(always, 99)))).toBe(
      "ERR_PARTIAL: somebody else keeps deploying the Worker",
    );
  });
});

describe("the routes as deployed", () => {
  const self = { dead: false };
  it("are read from the version with all traffic", async () => {
    const cloud = installed();
    expect(
      (await deployedRoutes(cloud.targets(self).worker))?.config.origins.map(({ name, state }) => [name, state]),
    ).toEqual([
      ["koyeb", "pool"],
      ["fly", "pool"],
    ]);
  });
  it("are an error when they cannot be read, named by the field and not by its content", async () => {
    const bound = (config: string | null) => ({
      bound: () => Promise.resolve({ versionId: "v", config, kvNamespace: null }),
    });
    await expect(deployedRoutes(bound(null))).rejects.toMatchObject({
      code: "ERR_MISMATCH",
      message: expect.stringContaining("(MCPIST_CONFIG)") as string,
    });
    await expect(deployedRoutes(bound('{"environment":"x"}'))).rejects.toThrow("cannot be read (resource)");
    expect(await deployedRoutes({ bound: () => Promise.resolve(null) })).toBeNull();
  });
  it("must not lead to an origin that a rotation would leave out", async () => {
    const { worker } = installed().targets(self);
    const file = (koyeb: OriginState | null) => [
      ...(koyeb ? [{ name: "koyeb", state: koyeb }] : []),
      { name: "fly", state: "pool" as const },
    ];
    await expect(checkRoutes(worker, file("pool"))).resolves.toBeUndefined();
    await expect(checkRoutes(worker, file("quarantined"))).rejects.toMatchObject({
      code: "ERR_REFUSED",
      message: "the gateway routes to koyeb, which the configuration calls quarantined: its traffic would fail",
    });
    await expect(checkRoutes(worker, file("joining"))).rejects.toMatchObject({ code: "ERR_REFUSED" });
    await expect(checkRoutes(worker, file(null))).rejects.toThrow("which the configuration does not name");
  });
});

describe("the pool of the file against the pool of the gateway", () => {
  const origin = (state: OriginState, url = "https://koyeb.test") => ({ name: "koyeb", url, state });
  it.each([
    ["the same", [origin("pool")], []],
    [
      "an origin that is left out",
      [origin("quarantined")],
      ["the gateway has koyeb as quarantined, and the configuration calls it pool"],
    ],
    ["one that is not known", [], ["the gateway does not know koyeb, and the configuration calls it pool"]],
    [
      "one at another address",
      [origin("pool", "https://old.test")],
      ["the gateway looks for koyeb at another URL than the configuration names"],
    ],
  ])("tells %s", (_what, routes, said) => {
    expect(poolDrift(routes, [origin("pool")]).map(({ what }) => what)).toEqual(said);
  });
  it("has nothing against what the file leaves out as well", () => {
    expect(poolDrift([origin("quarantined")], [origin("quarantined"), { ...origin("joining"), name: "fly" }])).toEqual(
      [],
    );
  });
});
