/**
 * Which sandboxes run on this machine, by name, so that another terminal can join one and never gets another's variables. What they
 * leave is readable by this user only and gone when they end; a folder that somebody else could have made is not trusted.
 */
import { randomUUID } from "node:crypto";
import { link, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseSandboxUrls, SANDBOX_VARIABLE } from "../../contract/sandbox.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { typedName } from "../redact.ts";

/** What a sandbox may be called. */
export const SANDBOX_NAME = /^[a-z][a-z0-9-]{0,30}$/;
/** What the first one is called when nobody says. */
export const USUAL_NAME = "sandbox";

/** Unit: milliseconds. */
const PATIENCE_MS = 2_000;
/** Of a process that looks whether a name is free. */
const MARK = /^(?<name>[a-z][a-z0-9-]*)\.(?<pid>\d+)\.[0-9a-f-]+\.mark$/;

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

/**
 * False where nobody listens at the sandbox's control endpoint: the process of a killed one may be somebody else's by now. Whoever is only
 * slow, or cannot be asked, counts as running.
 */
function listens(env: RunningSandbox["env"]): Promise<boolean> {
  const control = parseSandboxUrls(env[SANDBOX_VARIABLE] ?? "")?.control ?? "";
  if (!URL.canParse(control)) return Promise.resolve(true);
  const { hostname: host, port } = new URL(control);
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: PATIENCE_MS });
    const end = (running: boolean) => {
      socket.destroy();
      resolve(running);
    };
    socket.once("connect", () => end(true));
    socket.once("timeout", () => end(true));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code !== "ECONNREFUSED"));
  });
}

/** @throws {McpistError} when the folder is not this user's alone. */
async function ownFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
  const mine = process.getuid === undefined || found.uid === process.getuid();
  if (found.isDirectory() && mine && (found.mode & 0o077) === 0) return folder;
  throw new McpistError("ERR_CONFIG", `${folder} can be written by somebody else`, { hint: HINTS.ownFolder(folder) });
}

/** Who has a name, if that one runs. */
async function readFrom(file: string): Promise<Omit<RunningSandbox, "name"> | null> {
  try {
    const { pid, env } = JSON.parse(await readFile(file, "utf8")) as RunningSandbox;
    return isAlive(pid) && (await listens(env)) ? { pid, env } : null;
  } catch {
    return null;
  }
}

async function read(folder: string, name: string): Promise<RunningSandbox | null> {
  const found = await readFrom(join(folder, `${name}.json`));
  return found ? { name, ...found } : null;
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

/** Waits until nobody is about to put aside what was found under a name. A mark that a dead process left counts for nothing. */
async function unwatched(folder: string, name: string): Promise<void> {
  for (const began = performance.now(); performance.now() - began < PATIENCE_MS; await sleep(5)) {
    const marks = (await readdir(folder)).map((file) => MARK.exec(file)?.groups);
    if (!marks.some((mark) => mark?.["name"] === name && isAlive(Number(mark["pid"])))) return;
  }
}

/** Puts aside what a dead sandbox left under a name, and puts back what another one has claimed in the same moment. */
async function sweep(file: string, aside: string): Promise<void> {
  await rename(file, aside).catch(() => undefined);
  if (await readFrom(aside)) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}

/**
 * Whole or not at all: nobody ever reads half a file and takes its name for free. Whoever looks whether a name is free says so before the
 * look, and whoever has claimed one waits for those: then it is seen whether the claim was taken away, and later looks find it alive.
 * @returns false where a sandbox that runs has the name.
 */
async function claim(folder: string, name: string, text: string): Promise<boolean> {
  const file = join(folder, `${name}.json`);
  const own = join(folder, `${name}.${process.pid}.${randomUUID()}`);
  const [draft, mark] = [`${own}.draft`, `${own}.mark`];
  try {
    await writeFile(draft, text, { mode: 0o600 });
    const { ino } = await lstat(draft);
    for (;;) {
      try {
        await link(draft, file);
        await unwatched(folder, name);
        if ((await lstat(file).catch(() => null))?.ino === ino) return true;
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
        await writeFile(mark, "", { mode: 0o600 });
        if (await readFrom(file)) return false;
        await sweep(file, `${own}.aside`);
        await rm(mark);
      }
    }
  } finally {
    await Promise.all([draft, mark].map((path) => rm(path, { force: true })));
  }
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
    if (await claim(folder, name, JSON.stringify({ pid: process.pid, env })))
      return { name, end: () => rm(file, { force: true }) };
    if (wanted !== undefined) throw taken();
  }
}
