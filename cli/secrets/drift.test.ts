import { describe, expect, it } from "vitest";
import { FakeCloud } from "../test/fake-cloud.ts";
import { live } from "../test/fake-run.ts";
import { driftOf, type Drift } from "./drift.ts";
import { phaseOf } from "./phase.ts";

const K0 = "00000000000000aa";
const K1 = "00000000000000bb";
const ZERO = "revoked:0000000000000000";

/** What `secrets verify` would call off. */
async function drift(cloud: FakeCloud, extra: Partial<Parameters<typeof driftOf>[2]> = {}): Promise<readonly Drift[]> {
  let found: readonly Drift[] = [];
  const ending = await live(cloud, {
    id: "look",
    work: async (run) => {
      const observation = await run.observe();
      const phase = phaseOf(observation);
      found = driftOf(observation, phase, { liveVariable: `a:${K0}`, journalExists: true, overdue: false, ...extra });
      return phase;
    },
  });
  expect(ending.kind).toBe("done");
  return found;
}
const installed = () => new FakeCloud().steady(K0).withJournal();

describe("drift", () => {
  it("is nothing where every party has the one secret", async () => {
    expect(await drift(installed())).toEqual([]);
  });

  it("is a missing journal: what GitHub holds is then unknown, and in step needs evidence", async () => {
    expect(await drift(installed(), { journalExists: false })).toEqual([
      { party: "github", kid: null, what: "the rotation ref is missing, so what GitHub holds is unknown" },
    ]);
  });

  it("is a slot of GitHub that somebody wrote after the journal's last entry", async () => {
    const cloud = installed();
    cloud.pass(10_000);
    cloud.vault.b = { kid: K1, updatedAt: cloud.now };
    const found = await drift(cloud);
    expect(found).toContainEqual({
      party: "github",
      kid: null,
      what: "slot b was written after the journal's last entry",
    });
    expect(found).toContainEqual({ party: "github", kid: null, what: "phase UNBACKED" });
  });

  it.each([null, `b:${K1}`, "nonsense"])(
    "is a variable that does not name the live secret: %s",
    async (liveVariable) => {
      const [only, ...more] = await drift(installed(), { liveVariable });
      expect(more).toEqual([]);
      expect(only).toMatchObject({
        party: "github",
        what: "GATEWAY_SECRET_LIVE does not name the secret that the Worker sends",
      });
    },
  );

  it("is an upload that waits with another secret", async () => {
    const cloud = installed();
    cloud.versions.unshift({
      id: "v2",
      number: 2,
      kid: K1,
      annotatedKid: null,
      annotatedFrom: null,
      annotatedRun: null,
      etag: "x",
    });
    expect(await drift(cloud)).toEqual([
      { party: "worker", kid: K0, what: "the latest uploaded version does not carry the live secret" },
    ]);
  });

  it("names instance and kid where both slots hold one secret, or an instance has another than its configuration", async () => {
    const twice = installed();
    const fly = twice.origins[1]!;
    fly.config = { a: K0, b: K0 };
    for (const instance of fly.instances) instance.kids = { a: K0, b: K0 };
    expect(await drift(twice)).toContainEqual({
      party: "fly instance fly-0",
      kid: K0,
      what: "both slots hold the same secret",
    });
    const apart = installed();
    apart.origins[1]!.instances[0]!.kids = { a: K0, b: K1 };
    expect(await drift(apart)).toContainEqual({
      party: "fly instance fly-0",
      kid: null,
      what: "its running secrets differ from its configuration",
    });
  });

  it("is a joining origin that still accepts an old secret, and is none where it runs nothing yet", async () => {
    const cloud = installed();
    const koyeb = cloud.origins[0]!;
    koyeb.state = "joining";
    koyeb.config = { a: ZERO, b: K1 };
    for (const instance of koyeb.instances) instance.kids = { a: ZERO, b: K1 };
    expect(await drift(cloud)).toEqual([
      { party: "koyeb", kid: K1, what: "it is joining and accepts a secret that is not the live one" },
    ]);
    koyeb.instances = [];
    expect(await drift(cloud)).toEqual([]);
  });

  it("is a secret that is older than it may be", async () => {
    expect(await drift(installed(), { overdue: true })).toEqual([
      { party: "installation", kid: K0, what: "the secret is older than maxSecretAge" },
    ]);
  });
});
