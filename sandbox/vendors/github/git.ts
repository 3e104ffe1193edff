/**
 * A git object store with real object ids, and refs that move by compare-and-set. Pure: no I/O, no clock.
 * Only what the git-data API reaches: no packs, no merges, no working tree.
 */
import { createHash } from "node:crypto";

/** One line of a tree. `mode` is six octal digits as the API writes them. */
export interface TreeEntry {
  readonly path: string;
  readonly mode: string;
  readonly type: "blob" | "tree" | "commit";
  readonly sha: string;
}
export interface Person {
  readonly name: string;
  readonly email: string;
  /** ISO 8601, UTC, whole seconds. */
  readonly date: string;
}
export interface Commit {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly message: string;
  readonly author: Person;
  readonly committer: Person;
}
/** Why a ref did not move. */
export type RefFault = "exists" | "missing" | "no-object" | "not-fast-forward";

const SHA = /^[0-9a-f]{40}$/;
/** Rules of git-check-ref-format that a REST caller can break. */
const REF =
  /^refs\/(?!.*(?:\.\.|\/\/|@\{|\.lock(?:\/|$)))[^\s~^:?*[\\\p{Cc}]+\/[^\s~^:?*[\\\p{Cc}]*[^\s~^:?*[\\./\p{Cc}]$/u;

const hash = (kind: string, body: Buffer): string =>
  createHash("sha1").update(`${kind} ${body.length}\0`).update(body).digest("hex");
const person = ({ name, email, date }: Person): string =>
  `${name} <${email}> ${Math.floor(Date.parse(date) / 1000)} +0000`;

/** True for `refs/<something>/<something>` in git's own grammar. */
export const isRef = (ref: string): boolean => REF.test(ref);

/** Objects and refs of one repository. */
export class GitStore {
  readonly refs = new Map<string, string>();
  readonly blobs = new Map<string, Buffer>();
  readonly trees = new Map<string, readonly TreeEntry[]>();
  readonly commits = new Map<string, Commit>();

  writeBlob(content: Buffer): string {
    const sha = hash("blob", content);
    this.blobs.set(sha, content);
    return sha;
  }

  /** Paths with slashes become nested trees, as the API does. @returns null when an entry names an object that is not here. */
  writeTree(entries: readonly TreeEntry[], base?: string): string | null {
    const flat = new Map<string, TreeEntry>();
    if (base !== undefined) {
      const old = this.trees.get(base);
      if (!old) return null;
      for (const entry of old) flat.set(entry.path, entry);
    }
    const nested = new Map<string, TreeEntry[]>();
    for (const entry of entries) {
      const slash = entry.path.indexOf("/");
      if (slash > 0) {
        const directory = entry.path.slice(0, slash);
        nested.set(directory, [...(nested.get(directory) ?? []), { ...entry, path: entry.path.slice(slash + 1) }]);
      } else if (this.#has(entry)) flat.set(entry.path, entry);
      else return null;
    }
    for (const [directory, children] of nested) {
      const old = flat.get(directory);
      const sha = this.writeTree(children, old?.type === "tree" ? old.sha : undefined);
      if (sha === null) return null;
      flat.set(directory, { path: directory, mode: "040000", type: "tree", sha });
    }
    // git sorts by bytes, a directory as if its name ended in a slash.
    const key = (entry: TreeEntry) => Buffer.from(entry.type === "tree" ? `${entry.path}/` : entry.path);
    const sorted = [...flat.values()].sort((a, b) => Buffer.compare(key(a), key(b)));
    const body = sorted.flatMap(({ mode, path, sha }) => [
      Buffer.from(`${mode.replace(/^0/, "")} ${path}\0`),
      Buffer.from(sha, "hex"),
    ]);
    const sha = hash("tree", Buffer.concat(body));
    this.trees.set(sha, sorted);
    return sha;
  }

  /** @returns null when the tree or a parent is not here. */
  writeCommit(fields: Omit<Commit, "sha">): Commit | null {
    if (!this.trees.has(fields.tree) || !fields.parents.every((parent) => this.commits.has(parent))) return null;
    const head = [`tree ${fields.tree}`, ...fields.parents.map((parent) => `parent ${parent}`)];
    const text = [
      ...head,
      `author ${person(fields.author)}`,
      `committer ${person(fields.committer)}`,
      "",
      fields.message,
    ].join("\n");
    const commit = { sha: hash("commit", Buffer.from(text)), ...fields };
    this.commits.set(commit.sha, commit);
    return commit;
  }

  createRef(ref: string, sha: string): RefFault | null {
    if (this.refs.has(ref)) return "exists";
    if (!this.commits.has(sha)) return "no-object";
    this.refs.set(ref, sha);
    return null;
  }

  /** Decides and moves in one step: of two updates from the same parent, exactly one is a fast-forward. */
  updateRef(ref: string, sha: string, force: boolean): RefFault | null {
    const tip = this.refs.get(ref);
    if (tip === undefined) return "missing";
    if (!this.commits.has(sha)) return "no-object";
    if (!force && !this.isAncestor(tip, sha)) return "not-fast-forward";
    this.refs.set(ref, sha);
    return null;
  }

  /** True when `ancestor` is reached from `sha` by parents, itself included. */
  isAncestor(ancestor: string, sha: string): boolean {
    return this.walk(sha).some((commit) => commit.sha === ancestor);
  }

  /** Every commit reachable from `sha`, newest first along the parents. */
  walk(sha: string): readonly Commit[] {
    const found = new Map<string, Commit>();
    const open = [sha];
    for (let next = open.shift(); next !== undefined; next = open.shift()) {
      const commit = this.commits.get(next);
      if (!commit || found.has(next)) continue;
      found.set(next, commit);
      open.push(...commit.parents);
    }
    return [...found.values()];
  }

  #has(entry: TreeEntry): boolean {
    if (!SHA.test(entry.sha)) return false;
    return entry.type === "commit" || (entry.type === "tree" ? this.trees.has(entry.sha) : this.blobs.has(entry.sha));
  }
}
