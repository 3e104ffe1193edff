/** An emergency that was killed at any of its calls: what comes next ends it, and nobody is led to bring back what leaked. */
import { describe, expect, it } from "vitest";
import type { FakeCloud } from "../test/fake-cloud.ts";
import { holderOf, live } from "../test/fake-run.ts";
import { installed, K0, VALUE, ZERO } from "../test/worlds.ts";
import { restore } from "./restore.ts";
import type { Run } from "./run.ts";

const stealing = (cloud: FakeCloud) => {
  const holder = holderOf(cloud);
  return holder === undefined ? {} : { steal: holder };
};

describe("an emergency that was killed", () => {
  /** Every world that one call of an emergency may have been the last in. */
  async function* killed(mode: "fast" | "now") {
    const clean = installed();
    clean.checksS1 = false;
    const start = clean.calls;
    await live(clean, { id: "clean", emergency: mode });
    for (let n = 4; n <= clean.calls - start; n += 2) {
      const cloud = installed();
      cloud.checksS1 = false;
      const from = cloud.calls;
      cloud.fault = (call) => (call === from + n ? "kill-after" : null);
      await live(cloud, { id: "dies", emergency: mode });
      cloud.fault = () => null;
      cloud.pass(10_000);
      // Before its first entry nobody knows of it, and nothing was written.
      const { message = "" } = cloud.commits.get(cloud.ref ?? "") ?? {};
      if (message.includes(`"emergency":{`)) yield { cloud, n, at: cloud.log.at(-1) };
    }
  }

  it.each(["fast", "now"] as const)("%s is asked for again where an ordinary rotation cannot go on", async (mode) => {
    const found: unknown[] = [];
    let stopped = 0;
    for await (const { cloud, n, at } of killed(mode)) {
      const next = await live(cloud, { id: "next", ...stealing(cloud) });
      if (next.kind !== "stopped") continue;
      stopped++;
      const { error } = next;
      if (!error.hint?.startsWith(`mcpist secrets rotate --emergency ${mode}`)) found.push({ n, at, hint: error.hint });
    }
    expect(found).toEqual([]);
    expect(stopped > 0).toBe(mode === "now");
  });

  it.each(["fast", "now"] as const)("%s keeps what leaked from being restored, until it is dead", async (mode) => {
    const leaked = { GATEWAY_SECRET_A: VALUE, GATEWAY_SECRET_B: ZERO };
    const found: unknown[] = [];
    for await (const { cloud, n, at } of killed(mode)) {
      if (cloud.sendable().join() !== K0) continue;
      for (const target of ["koyeb", "fly"]) {
        const work = (run: Run) => restore(run, target);
        const ending = await live(cloud, { id: "restores", ...stealing(cloud), env: leaked, work });
        const error = ending.kind === "stopped" ? ending.error : null;
        if (error?.code !== "ERR_REFUSED") found.push({ n, at, target, ending: error?.message ?? ending.kind });
      }
    }
    expect(found).toEqual([]);
  });

  it.each(["fast", "now"] as const)(
    "%s and was finished by whoever came next leaves the right name at GitHub",
    async (mode) => {
      const found: unknown[] = [];
      for await (const { cloud, n, at } of killed(mode)) {
        for (let i = 0; i < 3; i++) {
          const ending = await live(cloud, { id: `next-${i}`, ...stealing(cloud) });
          if (ending.kind === "done") break;
          await live(cloud, { id: `again-${i}`, ...stealing(cloud), emergency: mode });
        }
        const [sent] = cloud.sendable();
        if (cloud.residue() !== null || cloud.live?.slice(2) !== sent) found.push({ n, at, live: cloud.live, sent });
      }
      expect(found).toEqual([]);
    },
  );
});
