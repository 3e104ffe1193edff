/**
 * strace around a program and all that it starts: every program that is executed, with its argv and environment, and every write.
 * Writes to pipes, sockets and /dev/null are how values are meant to travel; anything else is a file or a terminal.
 */
import { createReadStream, existsSync } from "node:fs";
import type { Search, Sighting } from "./forms.ts";

/** Long enough for any request body of the product. Unit: bytes. */
const STRING_BYTES = 262_144;
const CALLS = "execve,execveat,write,writev,pwrite64,pwritev,pwritev2";
/** `write(17</tmp/x>, …`: the file behind the descriptor. Anonymous ones (`pipe:[1]`, `socket:[1]`, `anon_inode:[eventpoll]`) have no slash. */
const WRITE = /^\d+\s+(?:\S+\s+)?(?:write|writev|pwrite64|pwritev2?)\(\d+<(\/(?:[^>\\]|\\.)*)>/;
const EXECUTE = /^\d+\s+(?:\S+\s+)?execve(?:at)?\(/;

/** True where strace is installed. */
export const hasStrace = (): boolean => ["/usr/bin/strace", "/usr/local/bin/strace"].some((path) => existsSync(path));
/** On a laptop without strace the suite is skipped; where CI runs, its absence is a failure. */
export const canWatch = hasStrace() || process.env["CI"] === "true";
/** Why a test was skipped. */
export const NO_STRACE = "strace is not installed: apt-get install strace";

/** The command that runs `command` under strace and writes what it sees to `log`. */
export const traced = (command: readonly string[], log: string): readonly string[] => [
  "strace",
  "--follow-forks",
  "--seccomp-bpf",
  "--decode-fds=path",
  "--no-abbrev",
  "--strings-in-hex=non-ascii",
  `--string-limit=${STRING_BYTES}`,
  "--quiet=all",
  "--signal=none",
  `--trace=${CALLS}`,
  `--output=${log}`,
  "--",
  ...command,
];

/** What strace saw of the canaries. */
export interface Traced {
  readonly executed: readonly Sighting[];
  /** With the path that was written. */
  readonly written: readonly (Sighting & { readonly path: string })[];
  /** Calls in the log: zero executed programs means that nothing was watched. */
  readonly programs: number;
  readonly writes: number;
}

/** Reads a log line by line. */
export async function readTrace(log: string, search: Search): Promise<Traced> {
  const executed: Sighting[] = [];
  const written: (Sighting & { path: string })[] = [];
  let programs = 0;
  let writes = 0;
  const line = (text: string): void => {
    if (EXECUTE.test(text)) {
      programs++;
      executed.push(...search.in(text));
      return;
    }
    const path = WRITE.exec(text)?.[1];
    if (path === undefined || path === "/dev/null") return;
    writes++;
    written.push(...search.in(text).map((sighting) => ({ ...sighting, path })));
  };
  let rest = "";
  for await (const chunk of createReadStream(log, { encoding: "latin1", highWaterMark: 1 << 20 })) {
    const lines = `${rest}${chunk as string}`.split("\n");
    rest = lines.pop() ?? "";
    for (const text of lines) line(text);
  }
  line(rest);
  return { executed, written, programs, writes };
}
