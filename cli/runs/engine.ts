/** Programs that work for a command: the CDKTF command line and what travels beside this one. Their words go where ours go. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join, resolve, sep } from "node:path";
import { execa } from "execa";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { CONFIG_FILE, configPath, projectFolders } from "../load-config.ts";
import { besideCli } from "../self.ts";

/** Entry file of `cdktn`. */
function cdktn(): string {
  const manifest = createRequire(import.meta.url).resolve("cdktn-cli/package.json");
  const { bin } = JSON.parse(readFileSync(manifest, "utf8")) as { bin: Readonly<Record<string, string>> };
  return join(dirname(manifest), bin["cdktn"] ?? "bundle/bin/cdktn");
}

/** How a program ended, and what it wrote where that was asked for. */
export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
}

/** Where a program works, and on what. */
export interface Place {
  readonly cwd: string;
  /** Configuration file where it is not mcpist.config.ts of `cwd`: what the stacks read instead. Absolute. */
  readonly config: string | null;
}

/**
 * Where the stacks of a configuration are: in the next folder that has a cdktf.json, from the working directory up where the file lies
 * above it, else from the file up, as a file of one's own may be in a folder of its own.
 * @throws {McpistError} ERR_CONFIG where there is none
 */
export function stacksPlace(cwd: string, file: string, environment: string): Place {
  const path = configPath(cwd, file);
  const own = dirname(path);
  const isAbove = `${resolve(cwd)}${sep}`.startsWith(own === sep ? sep : `${own}${sep}`);
  const folder = [...(isAbove ? projectFolders(cwd) : []), own, ...projectFolders(own)].find((candidate) =>
    existsSync(join(candidate, "cdktf.json")),
  );
  if (folder === undefined)
    throw new McpistError("ERR_CONFIG", "there is no cdktf.json beside the configuration, so there are no stacks", {
      hint: HINTS.makeProject(environment),
    });
  return { cwd: folder, config: path === join(folder, CONFIG_FILE) || !existsSync(path) ? null : path };
}

interface Start {
  readonly environment: string;
  /** Absent = in the working directory, on what its command line says. */
  readonly place?: Place;
  /** Keeps standard output instead of showing it. */
  readonly keep?: boolean;
  /** Standard output is for one JSON object of ours: a program's own words go to stderr. */
  readonly json?: boolean;
}

async function start(context: Context, program: readonly string[], options: Start): Promise<Ended> {
  const { environment, keep, json, place } = options;
  // A context that is no process's own has its words kept for it.
  const own = context.stderr === process.stderr;
  const { exitCode, stdout, stderr, failed, code } = await execa(process.execPath, [...program], {
    cwd: place?.cwd ?? context.cwd,
    stdin: "inherit",
    stdout: keep === true || !own ? "pipe" : json === true ? 2 : "inherit",
    stderr: own ? "inherit" : "pipe",
    reject: false,
    verbose: "none",
    extendEnv: false,
    env: {
      ...context.env,
      MCPIST_ENV: environment,
      MCPIST_CONFIG_FILE: place?.config ?? undefined,
      // What they start by the name of node is this Node.
      PATH: [dirname(process.execPath), context.env["PATH"] ?? ""].join(delimiter),
    },
    cancelSignal: context.signal,
    forceKillAfterDelay: 10_000,
  });
  if (typeof stderr === "string" && stderr !== "") context.stderr.write(`${stderr}\n`);
  if (!own && keep !== true && typeof stdout === "string" && stdout !== "")
    (json === true ? context.stderr : context.stdout).write(`${stdout}\n`);
  context.signal.throwIfAborted();
  if (failed && exitCode === undefined)
    throw new McpistError("ERR_CHILD", `a program could not be started (${code ?? "error"})`, { hint: HINTS.bug() });
  return { exitCode: exitCode ?? 1, stdout: typeof stdout === "string" ? stdout : "" };
}

/** Where a synthesis is written, from the stacks' folder: what the stacks, the policy and the drift check read, too. */
export const outdirOf = ({ env }: Pick<Context, "env">): string => env["CDKTF_OUTDIR"] || "cdktf.out";

/** A command line of `cdktn`, which does not read CDKTF_OUTDIR but sets it for the stacks. */
export const cdktnWords = (context: Pick<Context, "env">, words: readonly string[]): readonly string[] => [
  ...words,
  "--output",
  outdirOf(context),
];

/** Runs `cdktn`. */
export const runCdktn = (context: Context, words: readonly string[], options: Start): Promise<Ended> =>
  start(context, [cdktn(), ...cdktnWords(context, words)], options);

/** Runs a program of this package. @param path as {@link besideCli} */
export const runBeside = (context: Context, path: string, words: readonly string[], options: Start): Promise<Ended> =>
  start(context, [besideCli(path), ...words], options);
