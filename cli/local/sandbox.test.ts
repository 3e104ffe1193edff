import { describe, expect, it } from "vitest";
import { run } from "../program.ts";
import { testContext } from "../test/test-context.ts";
import type { LocalCloud } from "./local-cloud.ts";
import { runInside } from "./sandbox.ts";

async function sandbox(...argv: string[]) {
  const context = testContext();
  const code = await run(["sandbox", ...argv], context);
  return { code, err: context.err() };
}

describe("mcpist sandbox", () => {
  it("refuses an unknown scenario before anything is started, and lists the known ones", async () => {
    const { code, err } = await sandbox("--scenario", "canary-5f0c6a1be2d49317");
    expect(code).toBe(2);
    expect(err).toContain(
      `error: there is no such scenario (ERR_USAGE)\nhint:  one of: ${(await import("../../sandbox/scenarios.ts")).SCENARIOS.map(({ name }) => name).join(", ")}\n`,
    );
  });
  it.each(["0", "80", "70000", "8700x"])("refuses the port base %s", async (port) => {
    expect(await sandbox("--port-base", port)).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /^error: --port-base takes a whole number from 1024 to 65000 \(ERR_USAGE\)\nhint: {2}--port-base 1024\npage: .*\n$/,
      ),
    });
  });
});

describe("a command inside", () => {
  const cloud = { sandbox: { env: { MCPIST_ENV: "sandbox" } } } as unknown as LocalCloud;
  const inside = (...command: string[]) =>
    runInside(testContext({ env: { PATH: process.env["PATH"] } }), cloud, command);

  it("finds this program on its PATH, before any other of that name", async () => {
    expect(
      await inside(
        "sh",
        "-c",
        'case $(command -v mcpist) in */bin/mcpist) test "$MCPIST_ENV" = sandbox && exit 7 ;; esac',
      ),
    ).toBe(7);
  });
  it("ends with the exit code of the program itself", async () => {
    expect(await inside("sh", "-c", "mcpist nonsense 2>/dev/null")).toBe(2);
    expect(await inside("sh", "-c", "mcpist --version >/dev/null")).toBe(0);
  });
});
