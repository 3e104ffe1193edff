import { describe, expect, it } from "vitest";
import { run } from "../program.ts";
import { testContext } from "../test/test-context.ts";
import type { LocalCloud } from "./local-cloud.ts";
import { checkCommand, runInside } from "./sandbox.ts";

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
  it("that a signal ended says so, and ends with what a shell would say", async () => {
    const context = testContext({ env: { PATH: process.env["PATH"] } });
    expect(await runInside(context, cloud, ["sh", "-c", "kill -9 $$"])).toBe(137);
    expect(context.err()).toBe("the command after -- was ended by SIGKILL\n");
  });
  it.each([
    [["nothing-of-that-name"], "was not found"],
    [["./nothing-of-that-name"], "was not found"],
    [[import.meta.filename], "is there, but cannot be run"],
    [["/"], "is there, but cannot be run"],
  ])("%j is refused before anything is started", (command, how) => {
    const context = testContext({ env: { PATH: process.env["PATH"] } });
    expect(() => checkCommand(context, command)).toThrow(`the command after -- ${how}`);
  });
  it.each([[["sh", "-c", "x"]], [["mcpist", "secrets"]], [[process.execPath]], [[]]])("%j is taken", (command) => {
    const context = testContext({ env: { PATH: process.env["PATH"] } });
    expect(() => checkCommand(context, command)).not.toThrow();
  });
});
