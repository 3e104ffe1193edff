/**
 * Packages that only some commands need. They are optional peers, so that the command that writes secrets stays small; whoever needs one
 * is told in one line what to install.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { McpistError } from "./errors.ts";
import { HINTS } from "./hints/hints.ts";
import { type Manifest, ownManifest } from "./version.ts";

/** What each kind of work needs. */
const PEERS = {
  /** `demo`, `sandbox` and the sandbox in tests. */
  cloud: ["miniflare", "@electric-sql/pglite", "wrangler"],
  /** `deploy`, `drift` and stacks.ts. */
  stacks: ["cdktf", "constructs", "cdktn-cli"],
  /** `origin build` with modules of one's own. */
  image: ["esbuild"],
} as const;
export type Work = keyof typeof PEERS;

/** Types that an editor needs in a project. */
const TYPES = "@types/node";

/** What a project installs beside this package: versions that are tested with this one, by name. */
export function companions(): Readonly<Record<string, string>> {
  const { devDependencies = {} } = ownManifest();
  return { ...peerVersions(), ...(devDependencies[TYPES] === undefined ? {} : { [TYPES]: devDependencies[TYPES] }) };
}

/** The Node that npm puts before the machine's own in scripts and `npx`: a project works wherever npm does. Empty where it is not known. */
export function ownNode(): Readonly<Record<string, string>> {
  const { devDependencies: { node } = {} } = ownManifest();
  return node === undefined ? {} : { node };
}

/** Version that is tested with this one, by name. */
function peerVersions(): Readonly<Record<string, string>> {
  const { peerDependencies = {}, devDependencies = {} } = ownManifest();
  return Object.fromEntries(
    Object.entries(peerDependencies).map(([name, range]) => [name, devDependencies[name] ?? range]),
  );
}

/** Looked for as Node does; some of them have no entry that could be resolved. */
const isInstalled = (name: string): boolean =>
  (createRequire(import.meta.url).resolve.paths(name) ?? []).some((folder) =>
    existsSync(join(folder, name, "package.json")),
  );

/** Version of a package in a project; null = it is not there. */
export function installedVersion(folder: string, name: string): string | null {
  try {
    const manifest = readFileSync(join(folder, "node_modules", name, "package.json"), "utf8");
    return (JSON.parse(manifest) as Manifest).version ?? null;
  } catch {
    return null;
  }
}

/** True when npm's `^tested` takes it: not older, and without a change of the first number that is not 0. */
export function isInRange(version: string, tested: string): boolean {
  const [have, want] = [version, tested].map((text) => text.split(/[.+-]/).slice(0, 3).map(Number));
  if (!have || !want) return false;
  const fixed = want.findIndex((part) => part !== 0);
  const differs = want.findIndex((part, i) => part !== have[i]);
  return differs === -1 || (differs > fixed && (have[differs] ?? 0) > (want[differs] ?? 0));
}

/** @throws {McpistError} ERR_PEER_MISSING with the one command that installs what is missing. */
export function needPeers(work: Work): void {
  const missing = PEERS[work].filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  const versions = peerVersions();
  const words = missing.map((name) => `${name}@${(versions[name] ?? "latest").replace(/^\^/, "")}`);
  const what = missing.length === 1 ? "a package that is" : "packages that are";
  throw new McpistError("ERR_PEER_MISSING", `this command needs ${what} not installed: ${missing.join(", ")}`, {
    hint: HINTS.installPackages(words),
  });
}
