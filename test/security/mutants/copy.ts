/** A copy of the repository in which code may be broken: what git knows, with the installed packages of the original. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ROOT, trackedFiles } from "../repository.ts";

export interface Copy {
  readonly root: string;
  remove(): void;
}

/** SHA-256 over path and content of every file that a copy has. */
export function treeDigest(): string {
  const digest = createHash("sha256");
  for (const path of trackedFiles().toSorted()) {
    const content = createHash("sha256")
      .update(readFileSync(join(ROOT, path)))
      .digest("hex");
    digest.update(`${content}  ${path}\n`);
  }
  return digest.digest("hex");
}

/** @throws when the disk or git does. */
export function copyOfTree(): Copy {
  const root = mkdtempSync(join(tmpdir(), "mcpist-mutants-"));
  for (const path of trackedFiles()) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    cpSync(join(ROOT, path), join(root, path));
  }
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  // Tests of the repository ask git which files there are.
  execFileSync("git", ["init", "--quiet"], { cwd: root });
  execFileSync("git", ["add", "--all"], { cwd: root });
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) };
}
