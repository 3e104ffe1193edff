/** Fifty Machines of one origin beside fifty origins: what holds for two holds for them, and nobody's list ends at a page. */
import { expect, it } from "vitest";
import { Progress } from "../cli/output.ts";
import { phaseOf } from "../cli/secrets/phase.ts";
import { slotOf } from "../contract/slots.ts";
import { BRISK, startLightCloud } from "./light-cloud.ts";

it("a rotation over fifty Machines and fifty origins reaches every instance", { timeout: 900_000 }, async () => {
  const cloud = await startLightCloud({
    machines: 50,
    origins: 50,
    timings: BRISK,
    drain: { minAge: "1s", quiet: "1500ms", max: "60s" },
  });
  try {
    const { report, ended } = await cloud.rotate();
    expect(ended.failure).toBeNull();
    expect(report.phase).toBe("STEADY");
    const session = await cloud.session();
    const seen = await session.run(new Progress(cloud.context, { json: true })).observe();
    expect(phaseOf(seen)).toMatchObject({ name: "STEADY", live: report.to?.kid });
    expect(seen.origins.length).toBe(50);
    const kids = seen.origins.flatMap(({ look }) => (look?.ok ? look.instances.map((instance) => instance.kids) : []));
    // One instance of each origin, and the other Machines of the sandbox's own at Fly.io.
    expect(kids.length).toBe(99);
    expect(kids.filter((held) => slotOf(held, report.to?.kid ?? "") === null)).toEqual([]);
  } finally {
    await cloud.close();
  }
});
