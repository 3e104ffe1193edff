/** Platforms that say what is not so, and colleagues at work at every call. What is promised holds, and nothing ends as done that is not. */
import { describe, expect, it } from "vitest";
import { McpistError } from "../errors.ts";
import { FakeCloud, type FakeOriginState } from "../test/fake-cloud.ts";
import { converge, holderOf, live, type Ending } from "../test/fake-run.ts";
import { originNamed, type Wrap } from "../test/wraps.ts";
import type { OriginTarget, SlotValues, Vault, WorkerTarget } from "../targets/types.ts";

const K0 = "00000000000000aa";
/** Long after the last rotation. */
function installed(): FakeCloud {
  const cloud = new FakeCloud({ seed: 3 }).steady(K0).withJournal();
  cloud.pass(60_000);
  return cloud;
}
const outcome = (ending: Ending): string => (ending.kind === "stopped" ? ending.error.message : ending.kind);

const vault =
  (change: (vault: Vault) => Partial<Vault>): Wrap =>
  (targets) => ({ ...targets, vault: { ...targets.vault, ...change(targets.vault) } });
const worker =
  (change: (worker: WorkerTarget) => Partial<WorkerTarget>): Wrap =>
  (targets) => ({ ...targets, worker: { ...targets.worker, ...change(targets.worker) } });
const koyeb = (change: (origin: OriginTarget) => Partial<OriginTarget>): Wrap => originNamed("koyeb", change);
/** Only the `nth` call of all is a lie. */
function once<Args extends unknown[], T>(nth: number, lie: T, work: (...args: Args) => Promise<T>) {
  let calls = 0;
  return async (...args: Args): Promise<T> => (++calls === nth ? lie : work(...args));
}
const hasSlot = (values: SlotValues, slot: "a" | "b"): boolean => values[slot] !== undefined;

/** What is left when nobody lies any more. */
async function after(cloud: FakeCloud) {
  await converge(cloud, "after");
  const residue = cloud.residue();
  // A rotation that was given up leaves the old secret alone: the next one replaces it.
  if (cloud.sendable().includes(K0)) await live(cloud, { id: "next" });
  return { violation: cloud.violation, residue, lock: holderOf(cloud), old: cloud.sendable().includes(K0) };
}
const FINE = { violation: null, residue: null, lock: undefined, old: false };

describe("a platform that answers with success and does nothing", () => {
  it.each([
    [
      "GitHub does not store the new secret",
      vault((real) => ({
        write: async (values, guard) => (hasSlot(values, "b") ? undefined : real.write(values, guard)),
      })),
      /^GitHub took GATEWAY_SECRET_B and does not show that it was written/,
    ],
    [
      "GitHub does not store the tombstone of the old one",
      vault((real) => ({
        write: async (values, guard) => (hasSlot(values, "a") ? undefined : real.write(values, guard)),
      })),
      /^GitHub took GATEWAY_SECRET_A and does not show that it was written/,
    ],
    [
      "Koyeb does not store the new secret",
      koyeb((real) => ({
        write: async (values, guard) => (hasSlot(values, "b") ? undefined : real.write(values, guard)),
      })),
      /^GATEWAY_SECRET_B at koyeb is not what this run wrote/,
    ],
    [
      "Koyeb does not store the tombstone",
      koyeb((real) => ({
        write: async (values, guard) => (hasSlot(values, "a") ? undefined : real.write(values, guard)),
      })),
      /^GATEWAY_SECRET_A at koyeb is not what this run wrote/,
    ],
    [
      "Cloudflare makes a version with the secret of before",
      worker((real) => ({
        upload: async (_, annotation, guard) => real.reupload({ id: "v1" } as never, annotation, guard),
      })),
      /^Worker version v2 sends 00000000000000aa, not /,
    ],
  ] satisfies readonly [string, Wrap, RegExp][])(
    "%s: the run says so, and the next one finishes",
    async (_, wrap, says) => {
      const cloud = installed();
      const ending = await live(cloud, { id: "lied-to", wrap });
      expect(outcome(ending)).toMatch(says);
      expect(cloud.violation).toBeNull();
      expect(await after(cloud)).toEqual(FINE);
    },
  );

  it.each([1, 2, 3, 4])("Cloudflare does not make deployment %i", async (nth) => {
    const cloud = installed();
    const wrap = worker((real) => ({
      deploy: once(nth, "d-none", async (...args: Parameters<WorkerTarget["deploy"]>) => real.deploy(...args)),
    }));
    await live(cloud, { id: "lied-to", wrap });
    expect(await after(cloud)).toEqual(FINE);
  });

  it.each([1, 2, 3, 4, 5, 6])("Cloudflare shows the deployments of before at look %i", async (nth) => {
    const cloud = installed();
    const before = [...cloud.deployments];
    const wrap = worker((real) => ({
      deployments: once(nth, before, async () => real.deployments()),
      look: once(
        nth,
        { versions: [], deployments: [], deployment: [], observed: {} },
        async (known?: readonly string[]) => real.look(known),
      ),
    }));
    await live(cloud, { id: "lied-to", wrap });
    expect(await after(cloud)).toEqual(FINE);
  });

  it.each(["fast", "now"] as const)("GitHub stores nothing of an emergency: %s says so", async (mode) => {
    const cloud = installed();
    cloud.checksS1 = false;
    const ending = await live(cloud, {
      id: mode,
      emergency: mode,
      wrap: vault(() => ({ write: async () => undefined })),
    });
    expect(ending).toMatchObject({
      kind: "stopped",
      error: {
        code: "ERR_PARTIAL",
        exitCode: 5,
        message: expect.stringMatching(
          /^the leaked secret is dead everywhere, but GitHub was not written: GitHub took GATEWAY_SECRET_/,
        ) as unknown,
      },
    });
  });
});

describe("an emergency from a checkout with another configuration", () => {
  it.each(["fast", "now"] as const)("%s names an origin that only the gateway knows as NOT DEAD", async (mode) => {
    const cloud = installed();
    cloud.checksS1 = false;
    const ending = await live(cloud, {
      id: mode,
      emergency: mode,
      wrap: (targets) => ({ ...targets, origins: targets.origins.filter(({ name }) => name !== "fly") }),
    });
    expect(ending).toMatchObject({
      kind: "stopped",
      error: { code: "ERR_NOT_DEAD", exitCode: 5, message: `${K0} may still be accepted at fly` },
    });
  });
});

/** What happens once, in the middle of a rotation. */
const EVENTS: Readonly<Record<string, (cloud: FakeCloud) => void>> = {
  "a Machine is cloned": (cloud) => addInstance(cloud, "fly"),
  "Koyeb scales up": (cloud) => addInstance(cloud, "koyeb"),
  "Koyeb scales down": (cloud) => {
    const [koyeb] = cloud.origins;
    const served = koyeb!.instances.filter(({ diesAt }) => diesAt === null);
    koyeb!.size = 1;
    if (served.length > 1) koyeb!.instances = koyeb!.instances.filter((instance) => instance !== served[0]);
  },
  "an instance dies and is replaced": (cloud) => cloud.replaceInstance(cloud.origins[0]!),
  "a Machine is destroyed": (cloud) => {
    const fly = cloud.origins[1]!;
    if (fly.instances.length > 1) fly.instances = fly.instances.slice(1);
  },
  "the journal's branch is deleted": (cloud) => {
    cloud.ref = null;
  },
  "the journal's branch is moved back": (cloud) => {
    cloud.ref = "c0";
  },
  "the version before is given all traffic by hand": (cloud) => {
    const [live] = cloud.deployment;
    if (live?.versionId === "v1") return;
    cloud.foreignRelease("v1");
  },
};

function addInstance(cloud: FakeCloud, name: string): void {
  const origin: FakeOriginState = cloud.origins.find((candidate) => candidate.name === name)!;
  const model = origin.instances.find(({ newest, diesAt }) => newest && diesAt === null);
  if (!model) return;
  origin.size++;
  // It boots from the configuration as it is now.
  origin.instances.push({
    ...model,
    id: `${name}-clone-${cloud.calls}`,
    awake: true,
    kids: { ...origin.config },
    lastAccepted: {},
  });
}

describe("a colleague or a platform at work at any call", () => {
  const rows = Object.keys(EVENTS).map((name) => [name] as const);
  it.each(rows)("%s", async (name) => {
    const whole = installed();
    await live(whole, { id: "whole" });
    const found: unknown[] = [];
    // A rollback to a secret that is being ended is an outage of whoever makes it.
    const end = name.startsWith("the version before") ? whole.log.indexOf("github: write a") - 8 : whole.calls;
    for (let n = 2; n < end; n += 3) {
      const cloud = installed();
      let done = false;
      cloud.event = () => {
        if (done || cloud.calls < n) return;
        done = true;
        EVENTS[name]?.(cloud);
      };
      await live(cloud, { id: "hit" });
      const seen = await after(cloud);
      if (JSON.stringify(seen) !== JSON.stringify(FINE)) found.push({ n, at: whole.log[n - 1], ...seen });
    }
    expect(found).toEqual([]);
  });

  it("a token loses its right: the run stops, and goes on with the right that is back", async () => {
    const whole = installed();
    await live(whole, { id: "whole" });
    const found: unknown[] = [];
    for (const party of ["koyeb", "fly", "worker", "github", "git"])
      for (let n = 1; n < whole.calls; n += 5) {
        const cloud = installed();
        cloud.pause = (_, name) => {
          if (cloud.calls < n || !name.startsWith(`${party}:`)) return null;
          throw new McpistError("ERR_UNAUTHORISED", `${party} answered 403`);
        };
        const ending = await live(cloud, { id: "hit" });
        const says = ending.kind === "done" || (ending.kind === "stopped" && /403|lock/.test(ending.error.message));
        cloud.pause = null;
        const seen = await after(cloud);
        if (!says || JSON.stringify(seen) !== JSON.stringify(FINE))
          found.push({ party, n, says: outcome(ending), ...seen });
      }
    expect(found).toEqual([]);
  });
});
