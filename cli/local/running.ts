/**
 * Which sandboxes run on this machine, by name, so that another terminal can join one and never gets another's variables. What they
 * leave is readable by this user only and gone when they end; a folder that somebody else could have made is not trusted.
 */
import { lstat, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { typedName } from "../redact.ts";

/** What a sandbox may be called. */
export const SANDBOX_NAME = /^[a-z][a-z0-9-]{0,30}$/;
/** What the first one is called when nobody says. */
export const USUAL_NAME = "sandbox";

/** A sandbox that runs. */
export interface RunningSandbox {
  readonly name: string;
  readonly pid: number;
  /** Variables that join a terminal to it. */
  readonly env: Readonly<Record<string, string>>;
}

const usualFolder = (): string => join(tmpdir(), `mcpist-sandboxes-${process.getuid?.() ?? "user"}`);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** @throws {McpistError} when the folder is not this user's alone. */
async function ownFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
  const mine = process.getuid === undefined || found.uid === process.getuid();
  if (found.isDirectory() && mine && (found.mode & 0o077) === 0) return folder;
  throw new McpistError("ERR_CONFIG", `${folder} can be written by somebody else`, { hint: HINTS.ownFolder(folder) });
}

async function read(folder: string, name: string): Promise<RunningSandbox | null> {
  try {
    const { pid, env } = JSON.parse(await readFile(join(folder, `${name}.json`), "utf8")) as RunningSandbox;
    return isAlive(pid) ? { name, pid, env } : null;
  } catch {
    return null;
  }
}

/** Sandboxes that run, by name. */
export async function runningSandboxes(folder = usualFolder()): Promise<readonly RunningSandbox[]> {
  const files = await readdir(await ownFolder(folder));
  const names = files.flatMap((file) => (file.endsWith(".json") ? [file.slice(0, -".json".length)] : [])).sort();
  const found = await Promise.all(names.map((name) => read(folder, name)));
  return found.filter((sandbox) => sandbox !== null);
}

/**
 * The one that a person means.
 * @throws {McpistError} when there is none of that name, or several and no name was given.
 */
export async function findSandbox(name: string | undefined, folder = usualFolder()): Promise<RunningSandbox> {
  const all = await runningSandboxes(folder);
  const wanted = name === undefined ? all : all.filter((sandbox) => sandbox.name === name);
  const [first, second] = wanted;
  if (first && !second) return first;
  const names = all.map((sandbox) => sandbox.name).join(", ");
  if (second)
    throw new McpistError("ERR_USAGE", `several sandboxes run: ${names}`, { hint: HINTS.flag("--name", second.name) });
  throw new McpistError(
    "ERR_NOT_FOUND",
    all.length === 0
      ? "no sandbox is running"
      : `no such sandbox is running${typedName(name ?? "")}; there are: ${names}`,
    { hint: all[0] ? HINTS.flag("--name", all[0].name) : HINTS.startSandbox(name) },
  );
}

const taken = (): McpistError =>
  new McpistError("ERR_USAGE", "a sandbox of that name runs already", { hint: HINTS.otherName() });

/** Before anything is started: a sandbox takes seconds. @throws {McpistError} when the name is taken. */
export async function refuseTaken(name: string, folder = usualFolder()): Promise<void> {
  if ((await read(await ownFolder(folder), name)) !== null) throw taken();
}

/**
 * Takes a name for a sandbox that starts: the wanted one, else `sandbox`, `sandbox-2`, … Two that start together never share one.
 * @returns the name, and what gives it back. @throws {McpistError} when the wanted name is taken.
 */
export async function register(
  wanted: string | undefined,
  env: Readonly<Record<string, string>>,
  folder = usualFolder(),
): Promise<{ readonly name: string; readonly end: () => Promise<void> }> {
  await ownFolder(folder);
  for (let number = 1; ; number++) {
    const name = wanted ?? (number === 1 ? USUAL_NAME : `${USUAL_NAME}-${number}`);
    const file = join(folder, `${name}.json`);
    if ((await read(folder, name)) === null) {
      await rm(file, { force: true });
      try {
        await writeFile(file, JSON.stringify({ pid: process.pid, env }), { mode: 0o600, flag: "wx" });
        return { name, end: () => rm(file, { force: true }) };
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
      }
    }
    if (wanted !== undefined) throw taken();
  }
}
