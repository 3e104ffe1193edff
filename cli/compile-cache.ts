/**
 * Compiled code is kept between starts, so that `mcpist --help` answers at once. It holds code only, never data; but it is code
 * that runs with the tokens of whoever starts the command, so nobody else may be able to write it.
 */
import { lstatSync, mkdirSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { join } from "node:path";

const OTHERS_WRITE = 0o022;

/** Folder of the cache in a home; null where it cannot be kept safe. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>): string | null {
  const home = env["XDG_CACHE_HOME"] || (env["HOME"] ? join(env["HOME"], ".cache") : undefined);
  if (home === undefined) return null;
  const folder = join(home, "mcpist");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = lstatSync(folder);
    return uid === process.getuid?.() && (mode & OTHERS_WRITE) === 0 ? folder : null;
  } catch {
    return null;
  }
}

/** Turns the cache on. Whatever this process and its children make from here on is writable for its owner only. */
export function keepCompiledCode(): void {
  process.umask(process.umask() | OTHERS_WRITE);
  const folder = cacheFolder(process.env);
  if (folder !== null) enableCompileCache(folder);
}
