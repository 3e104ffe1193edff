/**
 * Vendors' own clients in tests: found, or skipped with a reason in the test's name. CI installs some of them, and names those in
 * MCPIST_REQUIRE_CLIENTS (separated by spaces): an absent one of them is a failure.
 */
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { describe, expect, it } from "vitest";

/** Where a toolchain puts programs that are not on the PATH. */
const CACHE = join(homedir(), ".cache", "mcpist");
const EXTRA_FOLDERS = [join(CACHE, "bin"), join(CACHE, "inspector/node_modules/.bin"), join(homedir(), "go", "bin")];

/** Compiled code of those that Node runs: the same in every home, and a fifth of what a start of wrangler costs. */
const NODE_COMPILE_CACHE = fileURLToPath(new URL("../../node_modules/.cache/clients", import.meta.url));

/** The programs that may not be absent. */
export const REQUIRED: ReadonlySet<string> = new Set((process.env["MCPIST_REQUIRE_CLIENTS"] ?? "").split(" "));

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

/** Runs `program` with a home of its own and nothing of this process's environment. */
export const runnerOf =
  (program: string, environment: () => Readonly<Record<string, string>>): Run =>
  async (args, input = "", extra = {}) => {
    const home = await mkdtemp(join(tmpdir(), "mcpist-client-"));
    const given = Object.entries({ ...environment(), ...extra }).filter(([, value]) => value !== "");
    const env = { PATH: "/usr/bin:/bin", HOME: home, NO_COLOR: "1", NODE_COMPILE_CACHE, ...Object.fromEntries(given) };
    try {
      const { exitCode, all } = await execa(program, args, {
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

/**
 * Tests that need clients; the first of `names` is the one that `run` runs.
 * @param environment what it needs beside a PATH and a home of its own; asked for at every run.
 * @param tests gets the absolute paths of all of them, in the order of `names`.
 */
export function describeClients(
  names: readonly [string, ...string[]],
  environment: () => Readonly<Record<string, string>>,
  tests: (run: Run, programs: readonly string[]) => void,
): void {
  const found = names.map(findClient);
  const absent = names.filter((_, i) => found[i] === null);
  const title = names.join(" with ");
  if (absent.some((name) => REQUIRED.has(name))) {
    it(`${title} can be run`, () => expect(absent, "programs that are not installed").toEqual([]));
    return;
  }
  const programs = found.filter((path) => path !== null);
  const run = runnerOf(programs[0] ?? title, environment);
  const skipped = absent.length > 0;
  describe.skipIf(skipped)(skipped ? `${title} (skipped: ${absent.join(", ")} not installed)` : title, () =>
    tests(run, programs),
  );
}
