/** The one call that carries the Worker's value: `wrangler versions secret put`, value on stdin, nothing inherited. */
import { existsSync } from "node:fs";
import { lstat, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import type { Context } from "../context.ts";
import { machineFault, machineFaultIn, McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { networkEnv, proxyAdvice } from "../proxy.ts";
import { printable } from "../redact.ts";

/** Older ones send the value by another wire. */
const OLDEST = [4, 113] as const;
/** Unit: milliseconds. */
const TIMEOUT_MS = 120_000;

/** What to put where. */
export interface VersionSecret {
  readonly baseUrl: string;
  readonly token: string;
  readonly accountId: string;
  readonly worker: string;
  readonly name: string;
  readonly value: string;
  readonly tag: string;
  readonly message: string;
}

/** Path of wrangler's entry file. @throws {McpistError} ERR_PEER_MISSING when it is absent or too old. */
export async function wranglerPath(): Promise<string> {
  const hint = HINTS.installWrangler("npm install --save-dev wrangler@4");
  let manifest: string;
  try {
    manifest = createRequire(import.meta.url).resolve("wrangler/package.json");
  } catch (cause) {
    throw new McpistError("ERR_PEER_MISSING", "wrangler is not installed", { hint, cause });
  }
  const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version: string };
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new McpistError(
      "ERR_PEER_MISSING",
      `wrangler ${version} is too old: ${OLDEST.join(".")} or newer is needed`,
      { hint },
    );
  }
  const entry = join(dirname(manifest), "bin", "wrangler.js");
  if (!existsSync(entry)) throw new McpistError("ERR_PEER_MISSING", "wrangler's entry file is missing", { hint });
  return entry;
}

const PREFIX = "mcpist-wrangler-";
/** Older than the longest run of wrangler, so that nobody uses it. Unit: milliseconds. */
const ABANDONED_MS = 60 * 60_000;

/** A home of its own for wrangler. What runs that were killed left behind goes first: no value is in it, but it is litter. */
export async function makeHome(parent: string = tmpdir()): Promise<string> {
  try {
    for (const name of await readdir(parent)) {
      if (name.startsWith(PREFIX)) await sweep(join(parent, name));
    }
    return await mkdtemp(join(parent, `${PREFIX}${process.pid}-`));
  } catch (cause) {
    const { code = "error" } = cause as NodeJS.ErrnoException;
    throw (
      machineFault(cause) ??
      new McpistError("ERR_MACHINE", `the folder for temporary files (${parent}) cannot be used (${code})`, {
        hint: HINTS.readOnly(),
        cause,
      })
    );
  }
}

/** Before anything is written: an upload that cannot begin would leave a rotation half done. @throws {McpistError} ERR_MACHINE */
export const checkHome = async (): Promise<void> => rm(await makeHome(), { recursive: true, force: true });

/** Removes a folder whose process is gone. One of somebody else, or of this process, stays. */
async function sweep(folder: string): Promise<void> {
  const found = await lstat(folder).catch(() => null);
  if (!found?.isDirectory() || found.uid !== process.getuid?.()) return;
  const pid = Number(/-(\d+)-\w+$/.exec(folder)?.[1] ?? Number.NaN);
  const left = Number.isNaN(pid) ? Date.now() - found.mtimeMs > ABANDONED_MS : !isRunning(pid);
  if (left) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** All that wrangler gets: what it needs, and how this machine gets out. */
export const childEnv = (
  env: Context["env"],
  access: Pick<VersionSecret, "token" | "accountId" | "baseUrl">,
  home: string,
): Record<string, string> => ({
  PATH: env["PATH"] ?? "",
  HOME: home,
  CI: "1",
  NO_COLOR: "1",
  CLOUDFLARE_API_TOKEN: access.token,
  CLOUDFLARE_ACCOUNT_ID: access.accountId,
  CLOUDFLARE_API_BASE_URL: access.baseUrl,
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_LOG_SANITIZE: "true",
  WRANGLER_LOG_PATH: join(home, "logs"),
  WRANGLER_HIDE_BANNER: "true",
  ...networkEnv(env),
});

/** An empty or padded value would be uploaded as it is, with exit code 0. @throws {TypeError} */
export function checkValue(value: string): void {
  if (!/^[0-9a-f]{64}$/.test(value)) throw new TypeError("only a gateway secret goes to the Worker");
}

/** Runs wrangler once. @returns null on success, the error otherwise: the caller looks whether a version appeared all the same. */
export async function putVersionSecret(context: Context, secret: VersionSecret): Promise<McpistError | null> {
  checkValue(secret.value);
  const entry = await wranglerPath();
  const home = await makeHome();
  try {
    const args = [
      "versions",
      "secret",
      "put",
      secret.name,
      "--name",
      secret.worker,
      "--tag",
      secret.tag,
      "--message",
      secret.message,
    ];
    const child = execa(process.execPath, [entry, ...args], {
      stdin: "pipe",
      extendEnv: false,
      verbose: "none",
      reject: false,
      cwd: home,
      timeout: TIMEOUT_MS,
      env: childEnv(context.env, secret, home),
    });
    // Not execa's `input`: Node prints the options of a child with NODE_DEBUG=child_process.
    child.stdin.end(secret.value);
    const { exitCode, stderr, stdout } = await context.waits.during(
      "wrangler to upload the Worker version",
      () => child,
    );
    if (exitCode === 0) return null;
    const fault = machineFaultIn(`${stdout}\n${stderr}`);
    if (fault) return fault;
    const said = context.redactor
      .apply(printable(`${stdout}\n${stderr}`))
      .replace(/\s+/g, " ")
      .trim()
      .slice(0, 300);
    return new McpistError("ERR_VENDOR", `wrangler ended with ${exitCode ?? "a signal"}: ${said}`, {
      hint: HINTS.wranglerFailed(proxyAdvice(context.env)),
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
