/**
 * Judges a package-lock.json: everything that gets installed comes from a registry and is held against a SHA-512, and packages for
 * other platforms are there as well. (Without them `npm ci` fails or installs nothing to run, on the machines of others.)
 */
import { isRecord } from "../../contract/json.ts";

type Node = Readonly<Record<string, unknown>>;

const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/;
/** A range, an exact version, a tag or an alias of one; never a place. */
const FROM_REGISTRY = /^(npm:(@[\w.-]+\/)?[\w.-]+@)?[\w.^~<>=|*+\- ]*$/;
const GROUPS = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] as const;

/** Where Node would find `name` from `path`: beside it, or in a folder further up. */
function isLocked(packages: Node, path: string, name: string): boolean {
  for (let from = path; ; from = from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/")))) {
    if (packages[`${from === "" ? "" : `${from}/`}node_modules/${name}`] !== undefined) return true;
    if (from === "") return false;
  }
}

export interface LockfileReport {
  /** Entries that were judged. Zero means that nothing was. */
  readonly entries: number;
  /** `path: what is wrong`. */
  readonly findings: readonly string[];
}

/** @throws when the text is no lockfile of version 2 or 3. */
export function judgeLockfile(text: string): LockfileReport {
  const lock: unknown = JSON.parse(text);
  const packages = isRecord(lock) && isRecord(lock["packages"]) ? lock["packages"] : null;
  if (packages === null || !isRecord(packages[""])) throw new TypeError("this is no lockfile of version 2 or 3");
  const findings: string[] = [];
  let entries = 0;
  for (const [path, entry] of Object.entries(packages)) {
    if (!isRecord(entry)) continue;
    for (const group of GROUPS)
      for (const [name, range] of Object.entries(isRecord(entry[group]) ? entry[group] : {}))
        if (typeof range !== "string" || !FROM_REGISTRY.test(range))
          findings.push(`${path || "package.json"}: ${name} does not come from a registry`);
    for (const name of Object.keys(isRecord(entry["optionalDependencies"]) ? entry["optionalDependencies"] : {}))
      if (!isLocked(packages, path, name)) findings.push(`${path || "package.json"}: optional ${name} is not locked`);
    if (path === "") continue;
    entries++;
    if (entry["link"] === true) {
      findings.push(`${path}: is a link`);
      continue;
    }
    const { resolved, integrity, inBundle } = entry;
    if (resolved !== undefined && !(typeof resolved === "string" && /^https:\/\/[^/]+\/\S+\.tgz$/.test(resolved)))
      findings.push(`${path}: is not a tarball over https`);
    // What lies inside another package's tarball is covered by that tarball's own hash.
    const covered = inBundle === true && integrity === undefined;
    if (!covered && !(typeof integrity === "string" && SHA512.test(integrity)))
      findings.push(`${path}: has no SHA-512`);
  }
  return { entries, findings };
}
