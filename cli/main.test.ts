import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { describe, expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

/** Runs the command line as a process. */
const mcpist = (args: readonly string[], node: readonly string[] = []) =>
  execa(process.execPath, [...node, MAIN, ...args], {
    reject: false,
    timeout: 25_000,
    env: { NO_COLOR: "1", MCPIST_ENV: "" },
  });

describe("the process", () => {
  it("ends with the command's exit code, the answer on stdout and the error on stderr", async () => {
    const version = await mcpist(["--version"]);
    expect(version).toMatchObject({ exitCode: 0, stderr: "" });
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+$/);
    const wrong = await mcpist(["nonsense"]);
    expect(wrong).toMatchObject({ exitCode: 2, stdout: "" });
    expect(wrong.stderr).toContain("error: there is no such command: nonsense (ERR_USAGE)");
  });
  it("ends although a library left a handle open", async () => {
    const leak = "data:text/javascript,setInterval(() => {}, 1e6)";
    expect(await mcpist(["--version"], ["--import", leak])).toMatchObject({ exitCode: 0, timedOut: false });
    expect(await mcpist(["nonsense"], ["--import", leak])).toMatchObject({ exitCode: 2, timedOut: false });
  });
});
