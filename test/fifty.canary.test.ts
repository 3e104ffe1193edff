/** Fifty Machines of one origin and fifty origins: what holds for two holds for them, and nobody's list ends at a page. */
import { describe, expect, it } from "vitest";
import { Progress } from "../cli/output.ts";
import { phaseOf } from "../cli/secrets/phase.ts";
import { slotOf } from "../contract/slots.ts";
import { startLightCloud, type CloudSize } from "./light-cloud.ts";

const SIZES: readonly (readonly [name: string, size: CloudSize, instances: number])[] = [
  // Koyeb's one instance beside them.
  ["fifty Machines", { machines: 50 }, 51],
  // One instance each, and a second Machine at the sandbox's own origin at Fly.io.
  ["fifty origins", { origins: 50 }, 51],
];

describe("a rotation with light instances", { shuffle: false }, () => {
  it.each(SIZES)("over %s reaches every instance", { timeout: 900_000 }, async (_, size, count) => {
    const cloud = await startLightCloud({ ...size, drain: { minAge: "1s", quiet: "1500ms", max: "60s" } });
    try {
      const { report, ended } = await cloud.rotate();
      expect(ended.failure).toBeNull();
      expect(report.phase).toBe("STEADY");
      const session = await cloud.session();
      const seen = await session.run(new Progress(cloud.context, { json: true })).observe();
      expect(phaseOf(seen)).toMatchObject({ name: "STEADY", live: report.to?.kid });
      const kids = seen.origins.flatMap(({ look }) =>
        look?.ok ? look.instances.map((instance) => instance.kids) : [],
      );
      expect(kids.length).toBe(count);
      expect(kids.filter((held) => slotOf(held, report.to?.kid ?? "") === null)).toEqual([]);
    } finally {
      await cloud.close();
    }
  });
});
