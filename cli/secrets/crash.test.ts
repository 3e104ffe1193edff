import { describe, expect, it } from "vitest";
import { FakeCloud, seededRandom, type FaultKind } from "../test/fake-cloud.ts";
import { converge, holderOf, live } from "../test/fake-run.ts";

const K0 = "00000000000000aa";
const KINDS: readonly FaultKind[] = ["kill-before", "kill-after", "lost", "error"];

const installed = (seed: number): FakeCloud => new FakeCloud({ seed }).steady(K0).withJournal();

/** Hits the n-th remote call of the next life, then lets re-runs converge. */
async function hit(seed: number, n: number, kind: FaultKind): Promise<FakeCloud> {
  const cloud = installed(seed);
  const start = cloud.calls;
  cloud.fault = (call) => (call === start + n ? kind : null);
  await live(cloud, { id: "hit" });
  cloud.fault = () => null;
  await converge(cloud, "rerun");
  return cloud;
}

describe("a rotation that is hit at one remote call", () => {
  it.each(KINDS)("keeps S1 and S2 at every step and converges to one secret, at every call: %s", async (kind) => {
    const clean = installed(7);
    const before = clean.calls;
    await live(clean, { id: "clean" });
    const calls = clean.calls - before;
    expect(calls).toBeGreaterThan(60);
    for (let n = 1; n <= calls; n++) {
      const cloud = await hit(7, n, kind);
      expect({ n, violation: cloud.violation, residue: cloud.residue(), lock: holderOf(cloud) }).toEqual({
        n,
        violation: null,
        residue: null,
        lock: undefined,
      });
    }
  });

  it("survives a second hit during the re-run and a foreign code deploy in between", async () => {
    const random = seededRandom(Number(process.env["SEED"] ?? 20261122));
    for (let i = 0; i < 150; i++) {
      const cloud = installed(i);
      const start = cloud.calls;
      const first = 1 + Math.floor(random() * 170);
      const kind = KINDS[Math.floor(random() * KINDS.length)] ?? "lost";
      cloud.fault = (call) => (call === start + first ? kind : null);
      await live(cloud, { id: "one" });
      if (random() < 0.5) cloud.foreignDeploy();
      const again = cloud.calls;
      const second = 1 + Math.floor(random() * 120);
      cloud.fault = (call) => (call === again + second ? kind : null);
      const steal = holderOf(cloud);
      await live(cloud, { id: "two", ...(steal === undefined ? {} : { steal }) });
      cloud.fault = () => null;
      if (random() < 0.3) cloud.foreignDeploy();
      await converge(cloud, "rerun");
      expect({ i, first, second, kind, violation: cloud.violation, residue: cloud.residue() }).toEqual({
        i,
        first,
        second,
        kind,
        violation: null,
        residue: null,
      });
    }
  });
});
