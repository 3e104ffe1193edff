import { describe, expect, it } from "vitest";
import { FakeCloud } from "../test/fake-cloud.ts";
import { converge, live } from "../test/fake-run.ts";

const K0 = "00000000000000aa";

/** An installation that has a journal: initialised by the tool itself, so that GitHub's slots are known. */
async function installed(options: ConstructorParameters<typeof FakeCloud>[0] = {}): Promise<FakeCloud> {
  const cloud = new FakeCloud(options).steady(K0);
  // The first rotation also establishes the journal.
  const ending = await live(cloud, { id: "first" });
  expect(ending.kind === "stopped" ? ending.error : ending.kind).toBe("done");
  return cloud;
}

describe("secrets rotate", () => {
  it("replaces the secret everywhere, keeps S1 and S2 at every step and leaves nothing of the old one", async () => {
    const cloud = await installed();
    expect(cloud.violation).toBeNull();
    expect(cloud.residue()).toBeNull();
    const before = cloud.sendable();
    const ending = await live(cloud, { id: "second" });
    expect(ending.kind).toBe("done");
    expect(cloud.violation).toBeNull();
    expect(cloud.residue()).toBeNull();
    expect(cloud.sendable()).not.toEqual(before);
  });

  it("initialises an empty installation once, slot A first and a zero tombstone in B", async () => {
    const cloud = new FakeCloud({
      origins: [
        { name: "koyeb", kind: "koyeb", instances: 0 },
        { name: "fly", kind: "fly", instances: 0 },
      ],
    });
    cloud.versions = [
      { id: "v1", number: 1, kid: null, annotatedKid: null, annotatedFrom: null, annotatedRun: null, etag: "code-0" },
    ];
    cloud.deployment = [{ versionId: "v1", percentage: 100 }];
    const ending = await live(cloud, { id: "init", init: true });
    expect(ending.kind === "stopped" ? ending.error : ending.kind).toBe("done");
    expect(cloud.origins.map((origin) => origin.config.b)).toEqual([
      "revoked:0000000000000000",
      "revoked:0000000000000000",
    ]);
    expect(cloud.sendable()).toEqual([cloud.origins[0]?.config.a]);
    const again = await live(cloud, { id: "again", init: true });
    expect(again).toMatchObject({ kind: "stopped", error: { code: "ERR_PHASE", exitCode: 3 } });
  });

  it("refuses a second rotation while one holds the lock and says who and what to do", async () => {
    const cloud = await installed();
    cloud.fault = (_, name) => (name === "worker: upload" ? "kill-before" : null);
    expect((await live(cloud, { id: "dead" })).kind).toBe("killed");
    cloud.fault = () => null;
    const second = await live(cloud, { id: "second" });
    expect(second).toMatchObject({ kind: "stopped", error: { code: "ERR_LOCKED", exitCode: 3 } });
    if (second.kind === "stopped") {
      expect(second.error.message).toContain("run dead holds the lock");
      expect(second.error.hint).toContain("--steal-lock dead");
    }
  });

  it("aborts before the switch when a target fails, and the re-run finishes", async () => {
    const cloud = await installed();
    const live0 = cloud.sendable();
    const fly = cloud.origins.find((origin) => origin.name === "fly")!;
    fly.down = true;
    const ending = await live(cloud, { id: "down" });
    expect(ending).toMatchObject({ kind: "stopped", error: { code: "ERR_PHASE" } });
    expect(cloud.sendable()).toEqual(live0);
    fly.down = false;
    await converge(cloud, "again");
    expect(cloud.violation).toBeNull();
    expect(cloud.residue()).toBeNull();
  });
});
