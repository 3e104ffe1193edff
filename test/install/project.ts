/** The package as a user meets it: packed, installed by npm into folders of their own, run by its own command on Node 22 and 24. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** The oldest line that is promised, from the package `node` of npm. */
const NODE_22 = "22.23.3";
const CACHE = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "mcpist");

/** What a program did. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/**
 * What a test runner, an account or another sandbox (in this process: its way to start workerd) has put into this process is nobody's
 * business there; how to reach a registry is.
 */
const FOREIGN =
  /^(MCPIST_|GH_|GITHUB_|CLOUDFLARE_|KOYEB_|FLY_|DATABASE_URL$|VITEST|TEST$|NODE_ENV$|NODE_OPTIONS$|NODE_TEST|npm_|INIT_CWD$|CI$|MINIFLARE_WORKERD_PATH$)/;

const surroundings = (node: string, more: Readonly<Record<string, string>>): Record<string, string> => ({
  ...Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined || (FOREIGN.test(name) && !/^npm_config_(registry|.*proxy|cafile)$/i.test(name))
        ? []
        : [[name, value]],
    ),
  ),
  PATH: [dirname(node), process.env["PATH"] ?? ""].join(delimiter),
  NO_COLOR: "1",
  npm_config_audit: "false",
  npm_config_fund: "false",
  npm_config_update_notifier: "false",
  ...more,
});

/** Where and with what a program runs. */
export interface Place {
  readonly cwd: string;
  /** Absent = the Node of this test. */
  readonly node?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** Runs a program to its end, whatever its code is. */
export async function run(program: string, args: readonly string[], place: Place): Promise<Ran> {
  const { cwd, node = process.execPath, env = {}, stdin } = place;
  const started = promisify(execFile)(program, [...args], {
    cwd,
    env: surroundings(node, env),
    encoding: "utf8",
    maxBuffer: 32 * 1024 * 1024,
  });
  // Who ends without reading it is judged by how it ends.
  started.child.stdin?.on("error", () => undefined);
  started.child.stdin?.end(stdin ?? "");
  return started.then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    ({
      code,
      stdout,
      stderr,
      message,
    }: {
      code?: number | string;
      stdout?: string;
      stderr?: string;
      message: string;
    }) => ({
      code: typeof code === "number" ? code : 1,
      out: stdout ?? "",
      err: stderr ?? message,
    }),
  );
}

/** `mcpist` of a folder's own node_modules. */
export const mcpist = (args: readonly string[], place: Place): Promise<Ran> =>
  run(join(place.cwd, "node_modules/.bin/mcpist"), args, place);

/** A program that goes on; `until` waits for a text on its standard output. */
export interface Running {
  until(text: string): Promise<void>;
  end(): Promise<void>;
}

/** Starts `mcpist` and leaves it running. */
export function start(args: readonly string[], { cwd, env = {} }: Place): Running {
  const child: ChildProcess = spawn(join(cwd, "node_modules/.bin/mcpist"), [...args], {
    cwd,
    env: surroundings(process.execPath, env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const seen = Promise.withResolvers<void>();
  const waiting: { text: string; found: () => void }[] = [];
  const hear = (chunk: Buffer): void => {
    said += chunk.toString();
    for (const one of waiting) if (said.includes(one.text)) one.found();
  };
  child.stdout?.on("data", hear);
  child.stderr?.on("data", hear);
  child.once("exit", (code) => seen.reject(new Error(`it ended with ${code}: ${said.slice(-2000)}`)));
  seen.promise.catch(() => undefined);
  return {
    until: (text) =>
      Promise.race([
        seen.promise,
        new Promise<void>((found) => {
          waiting.push({ text, found });
          if (said.includes(text)) found();
        }),
      ]),
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGINT");
      await once(child, "exit");
    },
  };
}

/** A folder that is gone after the tests; with a blank in its name, as folders of people have. */
export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), "mcpist install "));

  /** An empty folder in it. */
  make(name: string): string {
    const path = join(this.folder, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Builds and packs this tree, unless MCPIST_TARBALL names a tarball of it. @returns the tarball. */
  async pack(): Promise<string> {
    const packed = process.env["MCPIST_TARBALL"];
    if (packed) return packed;
    const to = this.make("packed");
    const { code, err } = await run("npm", ["pack", "--pack-destination", to], { cwd: ROOT });
    const [file] = readdirSync(to);
    if (code !== 0 || file === undefined) throw new Error(`npm pack: ${err}`);
    return join(to, file);
  }

  /** The next version of a tarball: another number, one more migration, another workflow. */
  async next(tarball: string): Promise<string> {
    const to = this.make("next");
    await run("tar", ["-xzf", tarball, "-C", to], { cwd: to });
    const folder = join(to, "package");
    const manifest = join(folder, "package.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace(/"version": "[^"]+"/, '"version": "99.0.0"'));
    writeFileSync(
      join(folder, "dist/supabase/migrations/20991231000001_create_note.sql"),
      "create table mcpist.note (id integer primary key);\nalter table mcpist.note enable row level security;\n",
    );
    const workflow = join(folder, "package/templates/workflows/rotate.yml");
    writeFileSync(workflow, readFileSync(workflow, "utf8").replace("timeout-minutes: 75", "timeout-minutes: 80"));
    const packed = this.make("next-packed");
    const { code, err } = await run("npm", ["pack", "--ignore-scripts", "--pack-destination", packed], { cwd: folder });
    const [file] = readdirSync(packed);
    if (code !== 0 || file === undefined) throw new Error(`npm pack: ${err}`);
    return join(packed, file);
  }
}

/** Node 22 as a program; installed from npm once. */
export async function node22(): Promise<string> {
  for (const place of ["node-22", "cdktf-cli"]) {
    const program = join(CACHE, place, "node_modules/node/bin/node");
    if (existsSync(program)) return program;
  }
  const folder = join(CACHE, "node-22");
  mkdirSync(folder, { recursive: true });
  const { err } = await run("npm", ["install", "--ignore-scripts=false", "--prefix", folder, `node@${NODE_22}`], {
    cwd: folder,
  });
  const program = join(folder, "node_modules/node/bin/node");
  if (!existsSync(program)) throw new Error(`node@${NODE_22} cannot be had: ${err}`);
  return program;
}

/** Answers of init. */
export const ANSWERS = {
  "--domain": "mcp.example.com",
  "--repo": "acme/mcp",
  "--account": "0123456789abcdef0123456789abcdef",
  "--supabase": "abcdefghijklmnopqrst",
  "--koyeb-url": "https://mcp-acme.koyeb.app",
  "--fly-app": "acme-mcp",
} as const;

/** `npx mcpist init` in a folder without anything, from the tarball. */
export const initialise = (tarball: string, cwd: string, args: readonly string[], stdin?: string): Promise<Ran> =>
  run("npm", ["exec", "--yes", `--package=${tarball}`, "--", "mcpist", "init", ...args], {
    cwd,
    env: { MCPIST_PACKAGE: `file:${tarball}` },
    ...(stdin === undefined ? {} : { stdin }),
  });

/** The same by the line that README gives, which has to do on every npm and Node. */
export async function initialiseAsReadme(tarball: string, cwd: string, args: readonly string[]): Promise<Ran> {
  const [line] = /^npx .* mcpist init$/m.exec(readFileSync(join(ROOT, "README.md"), "utf8")) ?? [];
  if (line === undefined) throw new Error("README has no line that starts mcpist init by npx");
  return run("sh", ["-c", `${line} "$@"`, "sh", ...args], { cwd, env: { MCPIST_PACKAGE: `file:${tarball}` } });
}

/** Packages of `from` in `to`, without a second copy of half a gigabyte. */
export function borrow(from: string, to: string, names: readonly string[]): void {
  for (const name of names) {
    const target = join(to, "node_modules", name);
    mkdirSync(dirname(target), { recursive: true });
    rmSync(target, { recursive: true, force: true });
    symlinkSync(join(from, "node_modules", name), target);
  }
}

/** Takes away what was borrowed, before npm looks: it would install into what is somebody else's. */
export function giveBack(to: string, names: readonly string[]): void {
  for (const name of names) rmSync(join(to, "node_modules", name), { recursive: true, force: true });
}

/** The same files again, without what was installed. */
export const copyProject = (from: string, to: string): void =>
  cpSync(from, to, {
    recursive: true,
    filter: (path) => !/\/(node_modules|cdktf\.out|build|package-lock\.json)$/.test(path),
  });

/** Kilobytes of a folder. */
export function sizeOf(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += readFileSync(join(entry.parentPath, entry.name)).length;
  return Math.round(bytes / 1024);
}
