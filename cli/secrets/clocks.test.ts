/**
 * A machine whose wall clock jumps in the middle of a run, and two machines whose clocks differ. A run measures by a clock that never goes
 * back and dates by the platforms' own, so that neither a drain is cut short nor a lock lost.
 */
import { describe, expect, it } from "vitest";
import { FakeCloud } from "../test/fake-cloud.ts";
import { converge, holderOf, live, type Ending } from "../test/fake-run.ts";

const K0 = "00000000000000aa";
const HOUR = 3_600_000;
const JUMPS = [
  ["an hour back", -HOUR],
  ["an hour forward", HOUR],
  ["a day forward", 24 * HOUR],
] as const;

const installed = (): FakeCloud =>
  new FakeCloud({
    seed: 3,
    origins: [
      { name: "koyeb", kind: "koyeb" },
      { name: "fly", kind: "fly", instances: 2 },
    ],
  })
    .steady(K0)
    .withJournal();
const said = (ending: Ending): string => (ending.kind === "stopped" ? ending.error.message : ending.kind);

/** A clock that jumps when the cloud has met its `n`-th call. */
function jumping(cloud: FakeCloud, n: number, ms: number): (now: number) => number {
  let by = 0;
  cloud.pause = () => {
    if (cloud.calls >= n) by = ms;
    return null;
  };
  return (now) => now + by;
}

describe("a clock that jumps at any call", () => {
  it.each(JUMPS)("%s: the run ends as if it had not", async (_, ms) => {
    const whole = installed();
    await live(whole, { id: "whole" });
    const found: unknown[] = [];
    for (let n = 1; n < whole.calls; n += 2) {
      const cloud = installed();
      const ending = await live(cloud, { id: "jumps", wall: jumping(cloud, n, ms) });
      const seen = { says: said(ending), violation: cloud.violation, residue: cloud.residue(), lock: holderOf(cloud) };
      // It drained for no shorter time than the other one.
      const early = cloud.now < whole.now;
      if (seen.says !== "done" || seen.violation || seen.residue || seen.lock || early)
        found.push({ n, at: whole.log[n - 1], early, ...seen });
    }
    expect(found).toEqual([]);
  });

  it.each(JUMPS)("%s: an emergency ends as if it had not, and looks for late writes as long", async (_, ms) => {
    const robbed = async (): Promise<FakeCloud> => {
      const cloud = installed();
      cloud.checksS1 = false;
      cloud.fault = (__, name) => (name === "koyeb: write b" ? "kill-before" : null);
      await live(cloud, { id: "holder" });
      cloud.fault = () => null;
      return cloud;
    };
    const whole = await robbed();
    const before = whole.calls;
    await live(whole, { id: "whole", emergency: "now" });
    const found: unknown[] = [];
    for (let n = before + 1; n < whole.calls; n += 7) {
      const cloud = await robbed();
      const began = cloud.now;
      const ending = await live(cloud, { id: "jumps", emergency: "now", wall: jumping(cloud, n, ms) });
      const lookedMs = cloud.now - began;
      if (said(ending) !== "done" || cloud.residue() || lookedMs < 120_000)
        found.push({ n, at: whole.log[n - 1], says: said(ending), residue: cloud.residue(), lookedMs });
    }
    expect(found).toEqual([]);
  });
});

describe("two machines whose clocks are ten minutes apart", () => {
  it.each([
    ["late", -600_000],
    ["early", 600_000],
  ])("the second one is %s: it does not take the lock of the first while that one lives", async (_, ms) => {
    const cloud = installed();
    const first = live(cloud, { id: "first" });
    while (holderOf(cloud) === undefined) await new Promise(setImmediate);
    const second = await live(cloud, { id: "second", steal: "first", wall: (now) => now + ms });
    expect(second.kind === "stopped" && second.error.code).toBe("ERR_LOCKED");
    expect((await first).kind).toBe("done");
    expect({ violation: cloud.violation, residue: cloud.residue() }).toEqual({ violation: null, residue: null });
  });

  it.each([
    ["late", -600_000],
    ["early", 600_000],
  ])("the second one is %s: it finishes what the first left", async (_, ms) => {
    const cloud = installed();
    let met = 0;
    cloud.fault = (__, name) => (name === "worker: deploy" && ++met === 2 ? "kill-after" : null);
    await live(cloud, { id: "first" });
    cloud.fault = () => null;
    await converge(cloud, "second", 6, { wall: (now) => now + ms });
    expect({ violation: cloud.violation, residue: cloud.residue(), sends: cloud.sendable().includes(K0) }).toEqual({
      violation: null,
      residue: null,
      sends: false,
    });
  });
});
