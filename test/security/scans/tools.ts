/** Where `.ci/tools` puts the scanners, and how they are started: an explicit environment, no network that they would need. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { ROOT } from "../repository.ts";

const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "mcpist");
const FOLDERS = [
  join(CACHE, "bin"),
  join(CACHE, "scan/bin"),
  join(CACHE, "checkov/bin"),
  join(CACHE, "scan-npm/node_modules/.bin"),
  ...(process.env["PATH"] ?? "").split(delimiter),
];

/** semgrep asks its makers whether there is a newer one, and waits long where nobody answers. */
const QUIET = { NO_COLOR: "1", LC_ALL: "C.UTF-8", SEMGREP_ENABLE_VERSION_CHECK: "0", SEMGREP_SEND_METRICS: "off" };

/** The program's path, or null. */
export const find = (program: string): string | null =>
  FOLDERS.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null;

export const absent = (program: string) => (): string | null =>
  find(program) === null ? `${program} is not installed: . .ci/tools installs it` : null;

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** @throws when the program is not there, or its answer is longer than 64 MiB. */
export function run(
  program: string,
  args: readonly string[],
  cwd: string = ROOT,
  more: Readonly<Record<string, string>> = {},
): Ran {
  const path = find(program);
  if (path === null) throw new Error(`${program} is not installed`);
  const { status, stdout, stderr, error } = spawnSync(path, args, {
    cwd,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    timeout: 300_000,
    env: { PATH: process.env["PATH"] ?? "", HOME: homedir(), ...QUIET, ...more },
  });
  if (error) throw error;
  return { code: status ?? -1, stdout, stderr };
}

/** First thing that looks like a version in what a program says of itself. */
export const versionOf = (program: string, ...args: readonly string[]): string => {
  const { stdout, stderr } = run(program, args);
  return /\d+\.\d+(\.\d+)?/.exec(stdout + stderr)?.[0] ?? "unknown";
};

/** Runs `work` in an empty folder, which is gone afterwards. */
export function inFolder<Made>(work: (folder: string) => Made): Made {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-scan-"));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As nobody: no name, no signature, no hook of the user's. */
export const git = (cwd: string, ...args: readonly string[]): string =>
  execFileSync(
    "git",
    ["-c", "user.name=scan", "-c", "user.email=scan@example.com", "-c", "commit.gpgsign=false", ...args],
    {
      cwd,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
