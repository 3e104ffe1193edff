/** Code is never changed by a rotation: what is live in the end is the newest deploy of anybody, with the one secret that is left. */
import { describe, expect, it } from "vitest";
import { FakeCloud } from "../test/fake-cloud.ts";
import { converge, holderOf, live, type LifeOptions } from "../test/fake-run.ts";
import type { Targets } from "../targets/types.ts";
import { emergency } from "./emergency.ts";
import { rollback } from "./rollback.ts";

const K0 = "00000000000000aa";
const installed = (): FakeCloud =>
  new FakeCloud({
    origins: [
      { name: "koyeb", kind: "koyeb" },
      { name: "fly", kind: "fly" },
    ],
  })
    .steady(K0)
    .withJournal();

/** What other people do to the Worker. */
const EVENTS: Readonly<Record<string, (cloud: FakeCloud) => void>> = {
  "a preview is uploaded": (cloud) => void cloud.foreignUpload(),
  "code is uploaded and deployed": (cloud) => cloud.foreignDeploy(),
  "a version that waited is deployed": (cloud) => cloud.foreignRelease("v2"),
};

/** An installation with code that was deployed, and a preview that waits, both with the live secret. */
function withPreview(): FakeCloud {
  const cloud = installed();
  cloud.foreignUpload();
  return cloud;
}

/** What a world has to be like when it is over. */
const verdict = (cloud: FakeCloud) => ({
  violation: cloud.violation,
  residue: cloud.residue(),
  code: cloud.wrongCode(),
  variable: cloud.live?.split(":")[1],
  age: stateOf(cloud).live?.kid,
});
const stateOf = (cloud: FakeCloud): { live: { kid: string; since: string | null } | null } => {
  const message = cloud.commits.get(cloud.ref ?? "")?.message ?? "";
  return (JSON.parse(message.slice(message.indexOf("{"))) as { state: ReturnType<typeof stateOf> }).state;
};
const right = (cloud: FakeCloud) => ({
  violation: null,
  residue: null,
  code: null,
  variable: cloud.sendable()[0],
  age: cloud.sendable()[0],
});

async function callsOf(start: () => FakeCloud, options: Partial<LifeOptions> = {}): Promise<number> {
  const cloud = start();
  const before = cloud.calls;
  const ending = await live(cloud, { ...options, id: "count" });
  expect(ending.kind === "stopped" ? ending.error : ending.kind).toBe("done");
  return cloud.calls - before;
}

describe("a rotation among people who deploy", () => {
  it.each(Object.keys(EVENTS))("ends with the newest deployed code, whatever call it falls on: %s", async (name) => {
    const calls = await callsOf(withPreview);
    for (let n = 1; n <= calls; n++) {
      const cloud = withPreview();
      // A person's release of what waited since before: its secret is the one of then.
      const at = cloud.calls + n;
      let done = false;
      cloud.event = () => {
        if (done || cloud.calls < at) return;
        done = true;
        EVENTS[name]?.(cloud);
      };
      // Whoever brings back a version with a dead secret breaks traffic by that; the rotation repairs it.
      if (name === "a version that waited is deployed") cloud.checksS1 = false;
      const ending = await live(cloud, { id: "among" });
      // What falls on the last calls is seen by nobody before the next run.
      const settled = ending.kind === "done" && verdict(cloud).residue === null;
      const again = settled ? ending : await converge(cloud, "again");
      expect({ n, kind: again.kind, ...verdict(cloud) }).toEqual({ n, kind: "done", ...right(cloud) });
    }
  });

  it.each(["kill-before", "kill-after", "lost"] as const)(
    "puts a deploy back that got lost right under a write, in the next run too when this one is hit there: %s",
    async (kind) => {
      const clean = installed();
      await live(clean, { id: "clean" });
      const writes = clean.log.flatMap((name, i) => (name === "worker: deploy" ? [i + 1] : []));
      expect(writes.length).toBe(4);
      for (const n of writes) {
        const cloud = installed();
        cloud.fault = (call) => {
          if (call !== n) return null;
          // Between the last look and the write: nothing can prevent it.
          cloud.event = () => {
            cloud.event = null;
            cloud.foreignDeploy();
          };
          return kind;
        };
        await live(cloud, { id: "hit" });
        cloud.fault = () => null;
        await converge(cloud, "again");
        expect({ n, ...verdict(cloud) }).toEqual({ n, ...right(cloud) });
      }
    },
  );

  it("puts it back three times, then stops with exit code 5 and names both versions", async () => {
    const cloud = installed();
    cloud.fault = (_, name) => {
      if (name === "worker: deploy") {
        cloud.event = () => {
          cloud.event = null;
          cloud.foreignDeploy();
        };
      }
      return null;
    };
    const ending = await live(cloud, { id: "overrun" });
    expect(ending).toMatchObject({ kind: "stopped", error: { code: "ERR_PARTIAL", exitCode: 5 } });
    const message = ending.kind === "stopped" ? ending.error.message : "";
    expect(message.match(/\bv\d+\b/g)).toHaveLength(2);
    cloud.fault = () => null;
    await converge(cloud, "again");
    expect(verdict(cloud)).toEqual(right(cloud));
  });

  it("never puts a preview live that somebody uploaded while the run was between its own uploads", async () => {
    const cloud = installed();
    cloud.fault = (_, name) => {
      if (name === "worker: upload") cloud.foreignUpload();
      return null;
    };
    const notes: string[] = [];
    const ending = await live(cloud, { id: "preview", notes });
    expect(ending.kind).toBe("done");
    expect(verdict(cloud)).toEqual(right(cloud));
    expect(notes.join("\n")).toContain("was not made of what is deployed");
  });

  it("goes on past a preview that waits as the latest upload, and says that it carries an old secret", async () => {
    const cloud = withPreview();
    const notes: string[] = [];
    expect((await live(cloud, { id: "preview", notes })).kind).toBe("done");
    expect(verdict(cloud)).toEqual(right(cloud));
    expect(notes.join("\n")).toContain("v2 was uploaded by somebody else and is not deployed");
  });

  it("uploads the deployed code once more only, however far the list of versions is behind", async () => {
    const cloud = withPreview();
    const wrap = (all: Targets): Targets => ({
      ...all,
      worker: {
        ...all.worker,
        // A version of this run is shown late, unless it is asked for by its id.
        look: async (known: readonly string[] = []) => {
          const look = await all.worker.look(known);
          const shown = look.versions.filter(({ id, annotatedRun }) => annotatedRun !== "late" || known.includes(id));
          return { ...look, versions: shown };
        },
      },
    });
    expect((await live(cloud, { id: "late", wrap })).kind).toBe("done");
    expect(cloud.log.filter((name) => name === "worker: reupload")).toHaveLength(1);
    expect(verdict(cloud)).toEqual(right(cloud));
  });

  it("refuses a canary before it writes anything, and names both versions", async () => {
    const cloud = withPreview();
    cloud.deployment = [
      { versionId: "v1", percentage: 90 },
      { versionId: "v2", percentage: 10 },
    ];
    cloud.log.length = 0;
    const ending = await live(cloud, { id: "canary" });
    expect(ending).toMatchObject({ kind: "stopped", error: { code: "ERR_PHASE", exitCode: 3 } });
    if (ending.kind === "stopped") expect(ending.error.message).toContain("v1 at 90 %, v2 at 10 %");
    expect(cloud.log.filter((name) => /write|upload|deploy$|redeploy|update fly/.test(name))).toEqual([]);
  });

  it.each(["fast", "now"] as const)(
    "keeps the larger share of a canary in an emergency and says so: %s",
    async (mode) => {
      const cloud = withPreview();
      cloud.checksS1 = false;
      cloud.deployment = [
        { versionId: "v1", percentage: 90 },
        { versionId: "v2", percentage: 10 },
      ];
      const notes: string[] = [];
      const ending = await live(cloud, { id: mode, notes, work: (run) => emergency(run, mode) });
      expect(ending.kind === "stopped" ? ending.error : ending.kind).toBe("done");
      expect({ code: cloud.wrongCode(), residue: cloud.residue() }).toEqual({ code: null, residue: null });
      expect(notes.join("\n")).toContain("v1 keeps all traffic");
    },
  );

  it.each(["fast", "now"] as const)(
    "keeps the code in an emergency, whatever is uploaded or deployed at whatever call: %s",
    async (mode) => {
      const work: LifeOptions["work"] = (run) => emergency(run, mode);
      const calls = await callsOf(installed, { work });
      for (const event of ["a preview is uploaded", "code is uploaded and deployed"]) {
        for (let n = 1; n <= calls; n += 2) {
          const cloud = installed();
          cloud.checksS1 = false;
          const at = cloud.calls + n;
          cloud.event = () => {
            if (cloud.calls < at) return;
            cloud.event = null;
            EVENTS[event]?.(cloud);
          };
          const ending = await live(cloud, { id: mode, work });
          if (ending.kind !== "done") await converge(cloud, "again");
          expect({ event, n, code: cloud.wrongCode(), residue: cloud.residue() }).toEqual({
            event,
            n,
            code: null,
            residue: null,
          });
        }
      }
    },
  );

  it("ends as a complete rotation when somebody else's upload takes the candidate live", async () => {
    const cloud = installed();
    cloud.fault = (_, name) => {
      if (name === "worker: upload")
        cloud.event = () => {
          if (cloud.versions[0]?.annotatedKid === K0) return;
          cloud.event = null;
          cloud.foreignDeploy();
        };
      return null;
    };
    expect((await live(cloud, { id: "early" })).kind).toBe("done");
    expect(verdict(cloud)).toEqual(right(cloud));
    expect(cloud.sendable()).not.toContain(K0);
    expect([...cloud.commits.values()].filter(({ message }) => message.startsWith("mcpist: switched"))).toHaveLength(1);
  });

  it("treats a rollback by hand as a deploy: its code gets the secret that is live", async () => {
    const cloud = installed();
    cloud.foreignDeploy();
    await live(cloud, { id: "first" });
    // v1 carries a secret that is dead by now.
    cloud.checksS1 = false;
    cloud.foreignRelease("v1");
    const ending = await live(cloud, { id: "second" });
    expect(ending.kind === "stopped" ? ending.error : ending.kind).toBe("done");
    expect(verdict(cloud)).toEqual(right(cloud));
    expect(cloud.code).toBe("code-0");
  });

  it("does not retire the old secret when a rollback by hand brings it back between the look and the retirement", async () => {
    const cloud = installed();
    let [before, drains, seen] = ["", false, false];
    cloud.fault = (_, name) => {
      drains ||= name === "worker: answers";
      // The look that ends the drain: the gateway's edges are not asked before it.
      seen ||= drains && name === "worker: names" && before !== "worker: answers";
      before = name;
      if (seen && name === "fly: look") {
        cloud.fault = () => null;
        cloud.foreignRelease("v1");
      }
      return null;
    };
    await live(cloud, { id: "first" });
    expect(seen).toBe(true);
    await converge(cloud, "again");
    expect({ violation: cloud.violation, residue: cloud.residue() }).toEqual({ violation: null, residue: null });
  });

  it("drains anew after the version before was deployed by hand and taken back, at any call before the retirement", async () => {
    // The edge location that the run asks says nothing of the others.
    const wrap = (all: Targets): Targets => ({ ...all, worker: { ...all.worker, answers: async () => null } });
    const isRetiring = ({ commits, ref }: FakeCloud) =>
      commits.get(ref ?? "")?.message.startsWith("mcpist: retiring") ?? false;
    let met = 0;
    for (let [n, over] = [1, false]; !over; n++) {
      const cloud = installed();
      const { calls } = cloud;
      let [deployedAt, retiredAt, looked] = [0, 0, false];
      cloud.fault = (_, name) => {
        if (retiredAt === 0 && isRetiring(cloud)) retiredAt = cloud.now;
        if (retiredAt > 0) return null;
        if (deployedAt === 0 && cloud.calls - calls >= n) {
          deployedAt = cloud.now;
          const [deployed] = cloud.deployments[0]?.shares ?? [];
          cloud.foreignRelease("v1");
          if (deployed) cloud.foreignRelease(deployed.versionId);
        }
        looked ||= deployedAt > 0 && (name === "worker: look" || name === "worker: deployments");
        return null;
      };
      await live(cloud, { id: "first", wrap });
      over = deployedAt === 0;
      // No platform fences the last look and the write after it.
      if (!looked) continue;
      met++;
      await converge(cloud, "again");
      expect({ n, violation: cloud.violation, residue: cloud.residue() }).toEqual({
        n,
        violation: null,
        residue: null,
      });
      // Nobody may have used it for four seconds.
      expect(retiredAt - deployedAt).toBeGreaterThanOrEqual(4000);
    }
    expect(met).toBeGreaterThan(100);
  });

  it("does not depend on the length of a list: a hundred previews in the middle change nothing", async () => {
    for (const moment of ["worker: upload", "worker: probe", "github: write live", "koyeb: redeploy"]) {
      const cloud = installed();
      cloud.listed = 5;
      let once = false;
      cloud.fault = (_, name) => {
        if (name !== moment || once) return null;
        once = true;
        cloud.event = () => {
          cloud.event = null;
          for (let i = 0; i < 8; i++) cloud.foreignUpload();
        };
        return null;
      };
      const ending = await live(cloud, { id: "many" });
      expect({ moment, ending: ending.kind === "stopped" ? ending.error.message : ending.kind }).toEqual({
        moment,
        ending: "done",
      });
      expect({ moment, ...verdict(cloud) }).toEqual({ moment, ...right(cloud) });
    }
  });

  it("keeps the code in a step back, whatever is deployed at whatever call", async () => {
    const lingering = async () => {
      const cloud = installed();
      cloud.fault = (_, name) => (name === "github: write live" ? "kill-before" : null);
      await live(cloud, { id: "dies" });
      cloud.fault = () => null;
      return cloud;
    };
    const steal = (cloud: FakeCloud) => ({ steal: holderOf(cloud) ?? "" });
    const clean = await lingering();
    const before = clean.calls;
    await live(clean, { id: "clean", ...steal(clean), work: rollback });
    for (let n = 1; n <= clean.calls - before; n += 2) {
      const cloud = await lingering();
      const at = cloud.calls + n;
      cloud.event = () => {
        if (cloud.calls < at) return;
        cloud.event = null;
        cloud.foreignDeploy();
      };
      const ending = await live(cloud, { id: "back", ...steal(cloud), work: rollback });
      if (ending.kind !== "done") await converge(cloud, "again");
      expect({ n, ...verdict(cloud) }).toEqual({ n, ...right(cloud) });
    }
  });
});
