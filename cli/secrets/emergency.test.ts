import { describe, expect, it } from "vitest";
import { acceptedKids } from "../../contract/slots.ts";
import { McpistError } from "../errors.ts";
import { FakeCloud } from "../test/fake-cloud.ts";
import { live, type Ending } from "../test/fake-run.ts";
import { originNamed, origins } from "../test/wraps.ts";
import type { Targets, WorkerTarget } from "../targets/types.ts";

const K0 = "00000000000000aa";
const KOYEB = { name: "koyeb", kind: "koyeb", instances: 2 } as const;
const FLY = { name: "fly", kind: "fly", instances: 2 } as const;

function installed(origins: ConstructorParameters<typeof FakeCloud>[0] = {}): FakeCloud {
  const cloud = new FakeCloud({ seed: 3, ...origins }).steady(K0).withJournal();
  cloud.checksS1 = false;
  return cloud;
}
const codeOf = (ending: Ending) => (ending.kind === "stopped" ? ending.error.code : ending.kind);
const worker = (change: (worker: WorkerTarget) => Partial<WorkerTarget>) => (targets: Targets) => ({
  ...targets,
  worker: { ...targets.worker, ...change(targets.worker) },
});
/** A kid that is sent at this moment and refused by every origin, whichever instance gets the request; null = none. */
function refusedNow(cloud: FakeCloud): string | null {
  const serves = (kid: string) =>
    cloud.origins.some(({ instances }) => {
      const up = instances.filter(({ awake, backAt = 0 }) => awake && backAt <= cloud.now);
      return up.length > 0 && up.every(({ kids }) => acceptedKids(kids).includes(kid));
    });
  return cloud.sendable().find((kid) => !serves(kid)) ?? null;
}

describe("rotate --emergency now", () => {
  it.each([
    ["Koyeb has the traffic", [KOYEB, FLY], "koyeb: redeploy"],
    ["Fly has the traffic", [FLY, KOYEB], "fly: update fly-0"],
    ["both are at Koyeb", [KOYEB, { ...KOYEB, name: "koyeb-2" }], "koyeb: redeploy"],
  ])("replaces the origin that has the traffic when all is ready for the switch: %s", async (_, origins, replaced) => {
    const cloud = installed({ origins });
    let refused: number | null = null;
    cloud.event = () => void (refusedNow(cloud) !== null && (refused ??= cloud.log.length - 1));
    expect(codeOf(await live(cloud, { id: "now", emergency: "now" }))).toBe("done");
    const [upload = 0, replace = 0, deploy = 0] = ["worker: upload", replaced, "worker: deploy"].map((name) =>
      cloud.log.indexOf(name),
    );
    expect(upload).toBeLessThan(replace);
    expect(refused).toBeGreaterThanOrEqual(replace);
    // In between, GitHub is asked for the journal's entry and for nothing else.
    const between = cloud.log.slice(replace + 1, deploy).filter((name) => name.startsWith("git: "));
    expect(between).toEqual(["git: create commit", "git: update ref"]);
  });

  it("kills at the origins although Cloudflare does not answer, and says that the gateway was not switched", async () => {
    const cloud = installed();
    await live(cloud, { id: "before" });
    const leaked = cloud.sendable()[0]!;
    const silent = () => Promise.reject(new McpistError("ERR_UNREACHABLE", "Cloudflare did not answer"));
    const ending = await live(cloud, {
      id: "now",
      emergency: "now",
      wrap: worker(() => ({ look: silent, upload: silent, arm: silent, deployments: silent })),
    });
    expect(ending).toMatchObject({ kind: "stopped", error: { message: "Cloudflare did not answer" } });
    for (const { config, instances } of cloud.origins)
      expect(JSON.stringify([config, instances.map(({ kids }) => kids)])).not.toContain(`"${leaked}"`);
  });
});

describe("an emergency", () => {
  it.each(["fast", "now"] as const)("%s waits for nobody's rollout before its first write", async (mode) => {
    const cloud = installed();
    const began = cloud.now;
    let first: { readonly at: number; readonly looks: readonly unknown[] } | null = null;
    const looks: unknown[] = [];
    const ending = await live(cloud, {
      id: mode,
      emergency: mode,
      wrap: origins((origin) => ({
        write: (values, guard) => {
          first ??= { at: cloud.now, looks: [...looks] };
          return origin.write(values, guard);
        },
        look: (options) => {
          looks.push(options);
          return origin.look(options);
        },
      })),
    });
    expect(codeOf(ending)).toBe("done");
    expect(first).toMatchObject({ looks: [{ withinMs: 5000 }, { withinMs: 5000 }] });
    expect(first!.at - began).toBeLessThan(1000);
  });

  it("fast asks those who answer for the slot of the leaked secret when an origin is silent", async () => {
    const cloud = installed();
    await live(cloud, { id: "before" });
    const leaked = cloud.sendable()[0]!;
    const refused: string[] = [];
    cloud.event = () => void (refusedNow(cloud) !== null && refused.push(cloud.log.at(-1) ?? ""));
    const ending = await live(cloud, {
      id: "fast",
      emergency: "fast",
      wrap: origins((origin) => ({
        look: (options) =>
          options === undefined || Object.keys(options).length === 0
            ? origin.look()
            : Promise.resolve({ ok: false as const, reason: "its instances did not answer in time" }),
      })),
    });
    expect(codeOf(ending)).toBe("done");
    expect(refused).toEqual([]);
    expect(cloud.residue()).toBeNull();
    expect(cloud.sendable()).not.toContain(leaked);
  });

  it.each(["fast", "now"] as const)("%s kills at the others although one platform refuses the token", async (mode) => {
    const cloud = installed();
    const refused = () => Promise.reject(new McpistError("ERR_UNAUTHORISED", "Fly.io answered 401"));
    const ending = await live(cloud, {
      id: mode,
      emergency: mode,
      wrap: originNamed("fly", () => ({ look: refused, write: refused, roll: refused, names: refused })),
    });
    expect(ending).toMatchObject({
      kind: "stopped",
      error: { code: "ERR_NOT_DEAD", exitCode: 5, message: `${K0} may still be accepted at fly` },
      run: { result: { proof: { fly: "NOT DEAD", koyeb: expect.stringMatching(/^dead after/) as unknown } } },
    });
  });

  it.each(["fast", "now"] as const)("%s asks wrangler where Cloudflare refuses the one call", async (mode) => {
    const cloud = installed();
    const notes: string[] = [];
    const refuse = () => Promise.reject(new McpistError("ERR_VENDOR", "Cloudflare answered 400"));
    const ending = await live(cloud, { id: mode, emergency: mode, notes, wrap: worker(() => ({ arm: refuse })) });
    expect(codeOf(ending)).toBe("done");
    expect(notes).toContain("Cloudflare answered 400; trying it with wrangler");
    expect(cloud.residue()).toBeNull();
  });

  it("says who may still accept the leaked secret before it asks Cloudflare which origins the gateway knows", async () => {
    const cloud = installed();
    const notes: string[] = [];
    let knownWhenAsked: readonly string[] | null = null;
    const ending = await live(cloud, {
      id: "now",
      emergency: "now",
      notes,
      wrap: (targets) => ({
        ...originNamed("fly", () => ({ write: () => Promise.reject(new McpistError("ERR_VENDOR", "no")) }))(targets),
        worker: {
          ...targets.worker,
          bound: () => {
            knownWhenAsked ??= notes.filter((note) => note.includes("NOT DEAD"));
            return targets.worker.bound();
          },
        },
      }),
    });
    expect([codeOf(ending), knownWhenAsked]).toEqual(["ERR_NOT_DEAD", [expect.stringMatching(/^fly NOT DEAD/)]]);
  });
});
