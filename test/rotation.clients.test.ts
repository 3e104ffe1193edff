/** Rotations by the real command line, with the real wrangler, against platforms whose instances are light. */
import { afterEach, describe, expect, it } from "vitest";
import { startLightCloud, type CloudSize, type LightCloud } from "./light-cloud.ts";

const DRAIN = { minAge: "500ms", quiet: "1s", max: "60s" };
let cloud: LightCloud | null = null;
afterEach(async () => {
  await cloud?.close();
  cloud = null;
});

describe("a rotation's calls to GitHub", () => {
  it.each<[string, CloudSize, number]>([
    ["two origins", { origins: 2, machines: 2 }, 40],
    ["three origins", { origins: 3, machines: 2 }, 44],
    ["two origins, one of them with twelve Machines", { origins: 2, machines: 12 }, 40],
  ])("%s", { timeout: 120_000 }, async (_, size, most) => {
    cloud = await startLightCloud({ ...size, drain: DRAIN });
    const before = cloud.githubCalls();
    const { report } = await cloud.rotate();
    expect(report).toMatchObject({ ok: true, phase: "STEADY" });
    expect(cloud.githubCalls() - before).toBeLessThanOrEqual(most);
  });
});
