import { describe, expect, it } from "vitest";
import { FakeCloud } from "../test/fake-cloud.ts";
import { holderOf, live, type Ending } from "../test/fake-run.ts";

const K0 = "00000000000000aa";
const installed = (): FakeCloud => {
  const cloud = new FakeCloud({
    seed: 5,
    origins: [
      { name: "koyeb", kind: "koyeb", instances: 1 },
      { name: "fly", kind: "fly", instances: 1 },
    ],
  })
    .steady(K0)
    .withJournal();
  cloud.checksS1 = false;
  return cloud;
};
const isWrite = (name: string): boolean =>
  /write|redeploy|update|upload|reupload|deploy$/.test(name) && !name.startsWith("git:");

/** The writes of one rotation, in order; a name that comes twice counts twice. */
async function writes(): Promise<readonly (readonly [name: string, nth: number])[]> {
  const cloud = installed();
  const start = cloud.log.length;
  await live(cloud, { id: "clean" });
  const seen = new Map<string, number>();
  return cloud.log
    .slice(start)
    .filter(isWrite)
    .map((name) => {
      seen.set(name, (seen.get(name) ?? 0) + 1);
      return [name, seen.get(name) ?? 0] as const;
    });
}

interface Woken {
  readonly cloud: FakeCloud;
  readonly holder: Ending;
  readonly emergency: Ending;
  /** Virtual time that the emergency took. Unit: milliseconds. */
  readonly tookMs: number;
  /** What the holder wrote after that. */
  readonly more: readonly string[];
}

/** A run is stopped with a write under way, an emergency takes its lock, and the write lands `afterMs` later. */
async function wake(name: string, nth: number, mode: "fast" | "now", afterMs: number): Promise<Woken> {
  const cloud = installed();
  const paused = Promise.withResolvers<void>();
  const woken = Promise.withResolvers<void>();
  const more: string[] = [];
  let [met, awake] = [0, false];
  let victim: { dead: boolean } | null = null;
  cloud.pause = (run, called) => {
    victim ??= run;
    if (run !== victim) return null;
    if (awake && isWrite(called)) more.push(called);
    if (called !== name || ++met !== nth) return null;
    paused.resolve();
    return woken.promise.then(() => {
      awake = true;
      return undefined;
    });
  };
  const holding = live(cloud, { id: "holder" });
  await paused.promise;
  const wakesAt = cloud.now + afterMs;
  const started = cloud.now;
  cloud.event = () => {
    if (cloud.now >= wakesAt) woken.resolve();
  };
  const emergency = await live(cloud, { id: "emergency", emergency: mode });
  const tookMs = cloud.now - started;
  woken.resolve();
  return { cloud, holder: await holding, emergency, tookMs, more };
}

describe("a paused holder that wakes after the takeover", () => {
  it.each(["fast", "now"] as const)(
    "leaves nothing behind, whatever it was about to write: %s",
    async (mode) => {
      const all = await writes();
      expect(all.length).toBeGreaterThan(12);
      for (const [name, nth] of all) {
        for (const afterMs of [4000, 6000, 119_000]) {
          const { cloud, holder, emergency, tookMs, more } = await wake(name, nth, mode, afterMs);
          const where = { name, nth, afterMs };
          expect({
            ...where,
            ending: emergency.kind === "stopped" ? emergency.error : emergency.kind,
            residue: cloud.residue(),
          }).toEqual({
            ...where,
            ending: "done",
            residue: null,
          });
          expect(tookMs).toBeGreaterThanOrEqual(120_000);
          // It wrote what was under way, and not one thing after the five seconds for which its last look at the tip counts.
          const late = afterMs > 5000 ? more : [];
          expect({ ...where, holder: holder.kind, late }).toEqual({ ...where, holder: "stopped", late: [] });
          expect(holderOf(cloud)).toBeUndefined();
          const calls = cloud.calls;
          cloud.pass(600_000);
          expect({ residue: cloud.residue(), calls: cloud.calls }).toEqual({ residue: null, calls });
        }
      }
    },
    120_000,
  );

  it("is what the looking is for: without it the old secret comes back", async () => {
    const cloud = installed();
    const woken = Promise.withResolvers<void>();
    const paused = Promise.withResolvers<void>();
    let victim: { dead: boolean } | null = null;
    cloud.pause = (run, called) => {
      victim ??= run;
      if (run !== victim || called !== "koyeb: write b") return null;
      paused.resolve();
      return woken.promise;
    };
    const holding = live(cloud, { id: "holder" });
    await paused.promise;
    const { emergency } = await import("./emergency.ts");
    // The same emergency that believes that the lock was free.
    cloud.ref = [...cloud.commits.keys()][0] ?? null;
    expect((await live(cloud, { id: "hasty", work: (run) => emergency(run, "now") })).kind).toBe("done");
    woken.resolve();
    await holding;
    expect(cloud.residue()).toContain("koyeb");
  });

  it("is looked for by the next emergency when the first was killed while it looked", async () => {
    const cloud = installed();
    const dead = await live(cloud, { id: "dies", work: () => Promise.reject(new Error("x")) }).catch(() => null);
    expect(dead).toBeNull();
    cloud.fault = (_, name) => (name === "koyeb: write b" ? "kill-before" : null);
    await live(cloud, { id: "holder" });
    cloud.fault = () => null;
    let looks = 0;
    cloud.fault = (_, name) => (name === "github: write live" && ++looks === 1 ? "kill-after" : null);
    expect((await live(cloud, { id: "first", emergency: "now" })).kind).toBe("killed");
    cloud.fault = () => null;
    const started = cloud.now;
    expect((await live(cloud, { id: "second", emergency: "now" })).kind).toBe("done");
    expect(cloud.now - started).toBeGreaterThan(60_000);
    const again = cloud.now;
    expect((await live(cloud, { id: "third", emergency: "now" })).kind).toBe("done");
    expect(cloud.now - again).toBeLessThan(60_000);
  });
});
