/** The version before, by its commit, and a tree of it. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What this version has to work beside: command line, Worker, origin and journal as they were at this commit. */
export const PREVIOUS = "2c1d3c7";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** True where the history holds that commit: not in a shallow clone, and not in an archive. */
export function hasPrevious(): boolean {
  try {
    execFileSync("git", ["cat-file", "-e", `${PREVIOUS}^{commit}`], { cwd: ROOT, stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** The previous version in a folder of its own, with the packages of this one. @returns its path, and what removes it. */
export function previousTree(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), `mcpist-${PREVIOUS}-`));
  const archive = execFileSync("git", ["archive", PREVIOUS], { cwd: ROOT, maxBuffer: 256 * 1024 * 1024 });
  execFileSync("tar", ["-x", "-C", path], { input: archive });
  symlinkSync(join(ROOT, "node_modules"), join(path, "node_modules"));
  // What asks the other tree is the same program in both.
  if (!existsSync(join(path, "test/versions")))
    cpSync(join(ROOT, "test/versions"), join(path, "test/versions"), { recursive: true });
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
