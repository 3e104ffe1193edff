/** The folder of a build context: which one may be emptied, and what of a server's own folder goes into an image that others can read. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  statSync,
} from "node:fs";
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { LaidServer } from "./origin-image.ts";

/** In each folder that this command makes, from its first moment; beside `app`, so that no image has it. */
const MARKER = ".mcpist-build-context";

/** The real path, also of what is not there yet. */
function realOf(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  return dirname(path) === path ? path : join(realOf(dirname(path)), basename(path));
}

const holds = (outer: string, inner: string): boolean => {
  const path = relative(outer, inner);
  return path !== ".." && !path.startsWith(`..${sep}`) && !isAbsolute(path);
};

/**
 * Makes `out` an empty folder that carries the marker.
 * @param kept folders that stay, with what they are in: the project and the working directory
 * @throws {McpistError} ERR_REFUSED, before anything is taken away, unless `out` is new, empty, or was made by this command
 */
export function emptyContext(out: string, shown: string, kept: readonly string[]): void {
  const place = realOf(out);
  if (kept.some((folder) => holds(place, realOf(folder))))
    throw new McpistError(
      "ERR_REFUSED",
      `${shown} is the project's own folder or one around it, and would be emptied`,
      {
        hint: HINTS.outOfProject(),
      },
    );
  if (existsSync(place) && !existsSync(join(place, MARKER)) && readdirSync(place).length > 0)
    throw new McpistError("ERR_REFUSED", `${shown} is not empty, and this command did not make it`, {
      hint: HINTS.otherOut(),
    });
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, MARKER), "mcpist origin build made this folder and empties it\n");
}

/** Files that hold values, by the names that their programs know them by. */
const NAMES: readonly RegExp[] = [
  /^\.env(?:rc|\..*)?$|\.env$/i,
  /^\.dev\.vars(?:\..*)?$/,
  /^[._]netrc$/,
  /^\.(?:pypirc|pgpass|git-credentials|htpasswd)$/,
  /^\.(?:ssh|aws|azure|gnupg|kube|docker|terraform)$/,
  /\.tfstate(?:\..*)?$|\.tfvars(?:\.json)?$/,
  /\.(?:p12|pfx|jks|keystore|kdbx)$/i,
];
/** What no program needs to run. */
const IDLE: ReadonlySet<string> = new Set([".git", ".hg", ".svn", ".DS_Store"]);
/** Certificates are often needed; the key beside them, in the same kind of file, is what may not leave. */
const PRIVATE_KEY = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|^PuTTY-User-Key-File-/;
/** A setting of a registry is needed to install; a password in it is not, but as the name of a variable. */
const NPM_PASSWORD = /^\s*(?:\/\/[^\s=]*:)?(?:_auth|_authToken|_password|key)\s*=\s*(?!\s|\$\{)/m;
/** Keys are small: what is larger is no key. Unit: bytes. */
const KEY_LENGTH = 64 * 1024;

/** True where a file of so many bytes holds what opens something else. */
function isPrivate(name: string, bytes: number, content: () => Buffer): boolean {
  if (NAMES.some((pattern) => pattern.test(name))) return true;
  if (name === ".npmrc") return NPM_PASSWORD.test(content().toString("utf8"));
  return bytes <= KEY_LENGTH && PRIVATE_KEY.test(content().toString("latin1"));
}

/** What went into the context of one server. */
export interface Laid extends LaidServer {
  /** Paths in its folder that were left out because of what they hold or where they lead. */
  readonly left: readonly string[];
}

/**
 * Copies a server's folder, without what is installed while the image is built, and without what is nobody else's business: values,
 * private keys, links that lead out.
 * @param out is never copied into itself
 */
export function layIn(from: string, to: string, name: string, out: string): Laid {
  const root = realpathSync(from);
  const apart = realOf(out);
  const has = (file: string): boolean => existsSync(join(root, file));
  const kind = has("requirements.txt") ? "python" : has("package-lock.json") ? "node" : "ready";
  const installed = { python: ".venv", node: "node_modules", ready: null }[kind];
  const left: string[] = [];
  const copy = (path: string): void => {
    const source = join(root, path);
    mkdirSync(join(to, path), { recursive: true });
    for (const entry of readdirSync(source, { withFileTypes: true })) {
      const inner = join(path, entry.name);
      const place = join(root, inner);
      if (IDLE.has(entry.name) || entry.name === installed || place === apart) continue;
      if (entry.name === ".cache" && basename(source) === "node_modules") continue;
      if (entry.isSymbolicLink()) {
        if (!linkIn(root, place, join(to, inner))) left.push(inner);
      } else if (entry.isDirectory()) {
        if (NAMES.some((pattern) => pattern.test(entry.name))) left.push(inner);
        else copy(inner);
      } else if (!entry.isFile() || isPrivate(entry.name, statSync(place).size, () => readFileSync(place)))
        left.push(inner);
      else copyFileSync(place, join(to, inner));
    }
  };
  copy("");
  return { name, kind, left };
}

/** @returns false where a link leads out of the folder, or nowhere: in an image it would be somebody else's file. */
function linkIn(root: string, place: string, to: string): boolean {
  if (!existsSync(place) || !holds(root, realpathSync(place))) return false;
  // By the shortest way: one around the folder, or from the top of this machine, leads elsewhere in the image.
  symlinkSync(relative(dirname(place), realpathSync(place)) || ".", to);
  return true;
}

/**
 * Lets everybody read a folder, and run what its owner can. An image takes modes over: what a careful umask has made for its owner alone
 * would be root's alone there, and nothing in it runs as root.
 */
export function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) openToAll(path);
    else if (entry.isFile()) chmodSync(path, statSync(path).mode & 0o100 ? 0o755 : 0o644);
  }
}
