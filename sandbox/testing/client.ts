/** Vendors' own clients in tests: found, or skipped with a reason; in CI (CI=true) an absent one is a failure. */
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";

/** Where a toolchain puts programs that are not on the PATH. */
const EXTRA_FOLDERS = [join(homedir(), ".cache", "mcpist", "bin"), join(homedir(), "go", "bin")];

/** @returns the absolute path of a program, or null when it is not installed. */
export function findClient(name: string): string | null {
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), ...EXTRA_FOLDERS]) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return null;
}

/** What a run of a client gave. */
export interface Ran {
  readonly exitCode: number | undefined;
  /** stdout and stderr, as a person would see them. */
  readonly text: string;
}
/** Runs the client. @param input its stdin; absent = empty. @param extra variables of this run only; an empty one is absent. */
export type Run = (args: readonly string[], input?: string, extra?: Readonly<Record<string, string>>) => Promise<Ran>;

/**
 * Tests that need a client.
 * @param environment what the client needs beside a PATH and a home of its own; asked for at every run.
 */
export function describeClient(name: string, environment: () => Readonly<Record<string, string>>, tests: (run: Run) => void): void {
  const program = findClient(name);
  if (program === null && process.env["CI"] === "true") {
    it(`${name} is installed`, () => expect(program, `${name} must be installed in CI`).not.toBeNull());
    return;
  }
  const run: Run = async (args, input = "", extra = {}) => {
    const home = await mkdtemp(join(tmpdir(), "mcpist-client-"));
    const given = Object.entries({ ...environment(), ...extra }).filter(([, value]) => value !== "");
    const env = { PATH: "/usr/bin:/bin", HOME: home, NO_COLOR: "1", ...Object.fromEntries(given) };
    try {
      const { exitCode, all } = await execa(program ?? name, args, {
        input,
        all: true,
        reject: false,
        verbose: "none",
        extendEnv: false,
        timeout: 120_000,
        env,
      });
      return { exitCode, text: all };
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  };
  describe.skipIf(program === null)(program === null ? `${name} (skipped: ${name} is not installed)` : name, () => tests(run));
}
