/** Rotations by the real command line, with the real wrangler, against platforms whose instances are light. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { BRISK, startLightCloud, type CloudSize, type LightCloud } from "./light-cloud.ts";

const DRAIN = { minAge: "500ms", quiet: "1s", max: "60s" };
let cloud: LightCloud | null = null;
afterEach(async () => {
  await cloud?.close();
  cloud = null;
});

describe("somebody who has the gateway secret and calls the origins past the gateway", () => {
  it("is certainly not the gateway: told at once, and the old secret stays valid", { timeout: 600_000 }, async () => {
    cloud = await startLightCloud({ light: false, drain: { minAge: "500ms", quiet: "3s", max: "6s" } });
    const traffic = await cloud.traffic(20);
    await cloud.sandbox.scenarios.start("stolen-secret");
    let said = "";
    const { ended, report } = await cloud.rotate({}, { stderr: { write: (text: string) => (said += text) } });
    expect(said).toMatch(/ALARM: [0-9a-f]{16} is used by somebody who is not the gateway: /);
    expect(ended.failure).toMatchObject({ code: "ERR_PARTIAL", exitCode: 5 });
    expect(ended.failure?.message).toMatch(
      /(koyeb|fly) instance \S+ accepted it .* from outside the gateway's platform/,
    );
    expect(ended.failure?.hint).toContain("treat it as leaked: mcpist secrets rotate --emergency fast");
    await cloud.sandbox.scenarios.stop("stolen-secret");
    expect((await cloud.rotate()).report).toMatchObject({ ok: true, phase: "STEADY", from: { kid: report.from?.kid } });
    expect((await traffic.stop()).failures.filter(({ slow }) => !slow)).toEqual([]);
  });
});

describe("the lock of a run that was killed on this machine", () => {
  it.runIf(process.platform === "linux")("is taken at once by the next command", { timeout: 600_000 }, async () => {
    cloud = await startLightCloud({ timings: BRISK, drain: DRAIN });
    const { faults, env } = cloud.sandbox;
    const { PATH, HOME } = process.env;
    const child = spawn(process.execPath, ["cli/main.ts", "secrets", "rotate"], {
      env: { PATH, HOME, ...env },
      stdio: "ignore",
    });
    const exit = once(child, "exit");
    const redeployed = Promise.withResolvers<void>();
    const stop = faults.onCall(({ vendor, path }) => {
      if (vendor === "koyeb" && path.endsWith("/redeploy")) redeployed.resolve();
    });
    await Promise.race([redeployed.promise, exit]);
    stop();
    child.kill("SIGKILL");
    expect(await exit).toEqual([null, "SIGKILL"]);
    let said = "";
    const { report } = await cloud.rotate({}, { stderr: { write: (text: string) => (said += text) } });
    expect(report.error).toBeUndefined();
    expect(report.phase).toBe("STEADY");
    expect(said).toMatch(/note {2}took the lock of run [0-9a-f]{12} \(.*\), which is over/);
  });
});

describe("a rotation's calls to GitHub", () => {
  it.each<[string, CloudSize, number]>([
    ["two origins", { origins: 2, machines: 2 }, 40],
    ["three origins", { origins: 3, machines: 2 }, 44],
    ["two origins, one of them with twelve Machines", { origins: 2, machines: 12 }, 40],
  ])("%s", { timeout: 600_000 }, async (_, size, most) => {
    cloud = await startLightCloud({ ...size, timings: BRISK, drain: DRAIN });
    const before = cloud.githubCalls();
    const { report } = await cloud.rotate();
    expect(report).toMatchObject({ ok: true, phase: "STEADY" });
    expect(cloud.githubCalls() - before).toBeLessThanOrEqual(most);
  });
});
