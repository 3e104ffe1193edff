/**
 * Runs one program under every observer at once and says where it let a canary be seen. HOME, TMPDIR and the working directory
 * are fresh folders, so that whatever is in them afterwards comes from the program.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readFolder } from "./files.ts";
import { type Canary, Search, type Sighting } from "./forms.ts";
import { watchProcesses } from "./process-table.ts";
import { readTrace, traced } from "./trace.ts";

const DRAWS = fileURLToPath(new URL("./draws.ts", import.meta.url));

/** A program that says this is told as soon as every process was looked at: what it shows until then can be seen. */
export const LOOK = "look";

/** Where a value can be seen. */
export const CHANNELS = ["argv", "environ", "execve", "write", "stdout", "stderr", "files"] as const;
export type Channel = (typeof CHANNELS)[number];

/** A canary that was seen, and where. */
export interface Leak extends Sighting {
  readonly channel: Channel;
  /** The file, for `write` and `files`. */
  readonly path?: string;
}

/** One program to watch. */
export interface Subject {
  /** Node program with its arguments; or, with `program`, what that program runs. */
  readonly args: readonly string[];
  /** Absent = this Node, with draws.ts loaded first. */
  readonly program?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Called when the program has started; may send signals. */
  readonly during?: (child: ChildProcess, output: () => string) => Promise<void>;
  /** Values to look for, asked for when the program has ended. The values that it drew itself come on top. */
  readonly canaries: () => readonly Canary[];
  /** Channels where one canary is meant to be, by its name. */
  readonly allowed?: Readonly<Record<string, readonly Channel[]>>;
  /** Leaves strace out. */
  readonly untraced?: boolean;
}

/** What was seen. */
export interface Watched {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Values of 32 random bytes that the program drew, in hex. */
  readonly draws: readonly string[];
  readonly leaks: readonly Leak[];
  /** What each observer looked at: zero anywhere means that it was blind. */
  readonly looked: {
    readonly rounds: number;
    readonly processes: number;
    readonly programs: number;
    readonly writes: number;
    readonly files: number;
  };
}

async function text(stream: NodeJS.ReadableStream | null, into: Buffer[]): Promise<void> {
  if (stream) for await (const chunk of stream) into.push(chunk as Buffer);
}

/** Runs it to its end. */
export async function watch(subject: Subject): Promise<Watched> {
  const root = mkdtempSync(join(tmpdir(), "mcpist-canary-"));
  // The log of strace holds what it saw, so it lies outside the folders that are searched.
  const log = `${root}.strace`;
  const folders = Object.fromEntries(["home", "tmp", "cwd"].map((name) => [name, join(root, name)]));
  for (const folder of Object.values(folders)) mkdirSync(folder);
  const draws: string[] = [];
  const table = watchProcesses();
  try {
    const command =
      subject.program === undefined
        ? [process.execPath, "--import", DRAWS, ...subject.args]
        : [subject.program, ...subject.args];
    const [program = "", ...args] = subject.untraced === true ? command : traced(command, log);
    const child = spawn(program, args, {
      cwd: folders["cwd"],
      stdio: ["pipe", "pipe", "pipe", "ipc"],
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: folders["home"],
        TMPDIR: folders["tmp"],
        npm_config_cache: join(folders["home"] ?? "", ".npm"),
        ...subject.env,
      },
      // Ctrl-C for the program, not for the harness.
      detached: true,
    });
    child.on("message", (message: { readonly draw: string } | typeof LOOK) => {
      if (message === LOOK) void table.lookedAgain().then(() => child.connected && child.send("seen"));
      else draws.push(message.draw);
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const reading = Promise.all([text(child.stdout, out), text(child.stderr, err)]);
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(subject.stdin ?? "");
    const ended = once(child, "close") as Promise<[number | null]>;
    await subject.during?.(child, () => Buffer.concat([...out, ...err]).toString("utf8"));
    const [exitCode] = await ended;
    await reading;
    table.stop();

    const drawn = draws.map((hex, index) => ({ name: `value ${index + 1} of the program`, bytes: Buffer.from(hex) }));
    const search = new Search([...subject.canaries(), ...drawn]);
    const stdout = Buffer.concat(out);
    const stderr = Buffer.concat(err);
    const trace = subject.untraced === true ? null : await readTrace(log, search);
    const folder = readFolder(root, search);
    const at = (channel: Channel, sightings: readonly (Sighting & { readonly path?: string })[]): Leak[] =>
      sightings.map((sighting) => ({ channel, ...sighting }));
    const leaks = [
      ...at(
        "argv",
        [...table.argv].flatMap((argv) => search.in(argv)),
      ),
      ...at(
        "environ",
        [...table.environ].flatMap((environ) => search.in(environ)),
      ),
      ...at("execve", trace?.executed ?? []),
      ...at("write", trace?.written ?? []),
      ...at("stdout", search.in(stdout.toString("latin1"))),
      ...at("stderr", search.in(stderr.toString("latin1"))),
      ...at("files", folder.sightings),
    ].filter(({ canary, channel }) => !subject.allowed?.[canary]?.includes(channel));
    return {
      exitCode,
      stdout: stdout.toString("utf8"),
      stderr: stderr.toString("utf8"),
      draws,
      leaks,
      looked: {
        rounds: table.rounds,
        processes: table.argv.size,
        programs: trace?.programs ?? 0,
        writes: trace?.writes ?? 0,
        files: folder.files,
      },
    };
  } finally {
    table.stop();
    rmSync(root, { recursive: true, force: true });
    rmSync(log, { force: true });
  }
}
