/** Judges a package-lock.json: everything that gets installed comes from a registry and is held against a SHA-512. */

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);

const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/;
/** A range, an exact version, a tag or an alias of one; never a place. */
const FROM_REGISTRY = /^(npm:(@[\w.-]+\/)?[\w.-]+@)?[\w.^~<>=|*+\- ]*$/;
const GROUPS = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] as const;

export interface LockfileReport {
  /** Entries that were judged. Zero means that nothing was. */
  readonly entries: number;
  /** `path: what is wrong`. */
  readonly findings: readonly string[];
}

/** @throws when the text is no lockfile of version 2 or 3. */
export function judgeLockfile(text: string): LockfileReport {
  const lock: unknown = JSON.parse(text);
  const packages = isNode(lock) && isNode(lock["packages"]) ? lock["packages"] : null;
  if (packages === null || !isNode(packages[""])) throw new TypeError("this is no lockfile of version 2 or 3");
  const findings: string[] = [];
  let entries = 0;
  for (const [path, entry] of Object.entries(packages)) {
    if (!isNode(entry)) continue;
    for (const group of GROUPS)
      for (const [name, range] of Object.entries(isNode(entry[group]) ? entry[group] : {}))
        if (typeof range !== "string" || !FROM_REGISTRY.test(range))
          findings.push(`${path || "package.json"}: ${name} does not come from a registry`);
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
    if (!covered && !(typeof integrity === "string" && SHA512.test(integrity))) findings.push(`${path}: has no SHA-512`);
  }
  return { entries, findings };
}
