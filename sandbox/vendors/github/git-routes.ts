/** The git-data API: refs by compare-and-set, trees, commits, blobs. https://docs.github.com/rest/git */
import type { Context } from "hono";
import type { VendorApp } from "../vendor.ts";
import { done, reply, type Schema } from "./described.ts";
import { isRef, type Commit, type GitStore, type Person, type RefFault, type TreeEntry } from "./git.ts";
import type { Repository } from "./state.ts";
import { invalid, isoSeconds, notFound, objectBody, page } from "./wire.ts";
import { isRecord } from "../../../contract/json.ts";

const FAULTS: Readonly<Record<RefFault, string>> = {
  exists: "Reference already exists",
  missing: "Reference does not exist",
  "no-object": "Object does not exist",
  "not-fast-forward": "Update is not a fast forward",
};
const TYPES: ReadonlySet<unknown> = new Set<TreeEntry["type"]>(["blob", "tree", "commit"]);
const MODES: ReadonlySet<unknown> = new Set(["100644", "100755", "040000", "160000", "120000"]);

/** Finds the repository that a path names; null = not there, or not to be seen. */
export type RepositoryOf = (c: Context) => Repository | null;

/** Adds the routes below `/repos/:owner/:repo`. */
export function addGit(app: VendorApp, repositoryOf: RepositoryOf): void {
  const base = "/repos/:owner/:repo";
  const withGit =
    (handler: (c: Context, git: GitStore, repository: Repository) => Response | Promise<Response>) => (c: Context) => {
      const repository = repositoryOf(c);
      return repository ? handler(c, repository.git, repository) : notFound(c);
    };
  const urlOf = (c: Context, path: string): string =>
    `${new URL(c.req.url).origin}/repos/${c.req.param("owner")}/${c.req.param("repo")}/${path}`;
  const refView = (c: Context, ref: string, sha: string): Schema<"git-ref"> => ({
    ref,
    node_id: Buffer.from(ref).toString("base64"),
    url: urlOf(c, `git/${ref}`),
    object: { sha, type: "commit", url: urlOf(c, `git/commits/${sha}`) },
  });
  const htmlOf = (c: Context, sha: string): string =>
    `https://github.com/${c.req.param("owner")}/${c.req.param("repo")}/commit/${sha}`;
  const commitView = (c: Context, commit: Commit): Schema<"git-commit"> => ({
    sha: commit.sha,
    node_id: Buffer.from(commit.sha).toString("base64"),
    url: urlOf(c, `git/commits/${commit.sha}`),
    html_url: htmlOf(c, commit.sha),
    author: commit.author,
    committer: commit.committer,
    message: commit.message,
    tree: { sha: commit.tree, url: urlOf(c, `git/trees/${commit.tree}`) },
    parents: commit.parents.map((sha) => ({ sha, url: urlOf(c, `git/commits/${sha}`), html_url: htmlOf(c, sha) })),
    verification: { verified: false, reason: "unsigned", signature: null, payload: null, verified_at: null },
  });
  /** As a list of commits shows it: what git knows of it is one object of its own. */
  const listedView = (c: Context, commit: Schema<"git-commit">): Schema<"commit"> => {
    const { sha, node_id, html_url, parents, url: git, message, tree, author, committer, verification } = commit;
    return {
      sha,
      node_id,
      url: urlOf(c, `commits/${sha}`),
      html_url,
      comments_url: urlOf(c, `commits/${sha}/comments`),
      commit: { url: git, message, tree, author, committer, verification, comment_count: 0 },
      parents,
      author: null,
      committer: null,
    };
  };
  const treeView = (c: Context, sha: string, entries: readonly TreeEntry[]): Schema<"git-tree"> => ({
    sha,
    url: urlOf(c, `git/trees/${sha}`),
    tree: entries.map((entry) => ({ ...entry, url: urlOf(c, `git/${entry.type}s/${entry.sha}`) })),
    truncated: false,
  });

  app.get(
    `${base}/git/ref/:ref{.+}`,
    withGit((c, git) => {
      const ref = `refs/${c.req.param("ref")}`;
      const sha = git.refs.get(ref);
      return sha === undefined ? notFound(c) : reply<"git/get-ref">(c, refView(c, ref, sha), 200);
    }),
  );
  app.get(
    `${base}/git/matching-refs/:ref{.+}`,
    withGit((c, git) => {
      const prefix = `refs/${c.req.param("ref")}`;
      const found = [...git.refs].filter(([ref]) => ref.startsWith(prefix)).sort(([a], [b]) => a.localeCompare(b));
      return reply<"git/list-matching-refs">(
        c,
        page(c, found).map(([ref, sha]) => refView(c, ref, sha)),
        200,
      );
    }),
  );
  app.post(
    `${base}/git/refs`,
    withGit(async (c, git) => {
      const { ref, sha } = (await objectBody(c)) ?? {};
      if (typeof ref !== "string" || typeof sha !== "string")
        return invalid(c, 'Invalid request.\n\n"ref", "sha" weren\'t supplied.');
      if (!isRef(ref)) return invalid(c, `Reference name must start with 'refs/' and be well formed`);
      const fault = git.createRef(ref, sha);
      return fault ? invalid(c, FAULTS[fault]) : reply<"git/create-ref">(c, refView(c, ref, sha), 201);
    }),
  );
  app.patch(
    `${base}/git/refs/:ref{.+}`,
    withGit(async (c, git) => {
      const ref = `refs/${c.req.param("ref")}`;
      const { sha, force = false } = (await objectBody(c)) ?? {};
      if (typeof sha !== "string" || typeof force !== "boolean")
        return invalid(c, 'Invalid request.\n\n"sha" wasn\'t supplied.');
      // Synchronous from here on: nobody can move the ref between the decision and the write.
      const fault = git.updateRef(ref, sha, force);
      return fault ? invalid(c, FAULTS[fault]) : reply<"git/update-ref">(c, refView(c, ref, sha), 200);
    }),
  );
  app.delete(
    `${base}/git/refs/:ref{.+}`,
    withGit((c, git) =>
      git.refs.delete(`refs/${c.req.param("ref")}`) ? done(c, "git/delete-ref") : invalid(c, FAULTS.missing),
    ),
  );

  app.post(
    `${base}/git/blobs`,
    withGit(async (c, git) => {
      const { content, encoding = "utf-8" } = (await objectBody(c)) ?? {};
      if (typeof content !== "string" || (encoding !== "utf-8" && encoding !== "base64"))
        return invalid(c, "Invalid request.");
      const sha = git.writeBlob(Buffer.from(content, encoding));
      return reply<"git/create-blob">(c, { sha, url: urlOf(c, `git/blobs/${sha}`) }, 201);
    }),
  );
  app.get(
    `${base}/git/blobs/:sha`,
    withGit((c, git) => {
      const sha = c.req.param("sha") ?? "";
      const blob = git.blobs.get(sha);
      if (!blob) return notFound(c);
      const node = Buffer.from(sha).toString("base64");
      const url = urlOf(c, `git/blobs/${sha}`);
      const content = blob.toString("base64");
      const view = { sha, node_id: node, url, size: blob.length, encoding: "base64", content };
      return reply<"git/get-blob">(c, view, 200);
    }),
  );
  app.post(
    `${base}/git/trees`,
    withGit(async (c, git) => {
      const { tree, base_tree: baseTree } = (await objectBody(c)) ?? {};
      const entries = Array.isArray(tree) ? tree.map((entry) => treeEntry(git, entry)) : [null];
      if (!entries.every((entry) => entry !== null)) return invalid(c, "Invalid tree info");
      const sha = git.writeTree(entries, typeof baseTree === "string" ? baseTree : undefined);
      return sha === null
        ? invalid(c, "Invalid tree info")
        : reply<"git/create-tree">(c, treeView(c, sha, git.trees.get(sha) ?? []), 201);
    }),
  );
  app.get(
    `${base}/git/trees/:sha`,
    withGit((c, git) => {
      const sha = c.req.param("sha") ?? "";
      const entries = git.trees.get(sha) ?? git.trees.get(git.commits.get(sha)?.tree ?? "");
      return entries ? reply<"git/get-tree">(c, treeView(c, sha, entries), 200) : notFound(c);
    }),
  );
  app.post(
    `${base}/git/commits`,
    withGit(async (c, git, repository) => {
      const { message, tree, parents = [], author, committer } = (await objectBody(c)) ?? {};
      if (typeof message !== "string" || typeof tree !== "string")
        return invalid(c, 'Invalid request.\n\n"message", "tree" weren\'t supplied.');
      if (!Array.isArray(parents) || !parents.every((parent) => typeof parent === "string"))
        return invalid(c, "Invalid request.");
      const writer = person(author, repository.owner);
      const commit = git.writeCommit({
        message,
        tree,
        parents,
        author: writer,
        committer: committer === undefined ? writer : person(committer, repository.owner),
      });
      if (!commit)
        return invalid(
          c,
          git.trees.has(tree) ? "Parent SHA does not exist or is not a commit object" : "Tree SHA does not exist",
        );
      return reply<"git/create-commit">(c, commitView(c, commit), 201);
    }),
  );
  app.get(
    `${base}/git/commits/:sha`,
    withGit((c, git) => {
      const commit = git.commits.get(c.req.param("sha") ?? "");
      return commit ? reply<"git/get-commit">(c, commitView(c, commit), 200) : notFound(c);
    }),
  );
  app.get(
    `${base}/commits`,
    withGit((c, git) => {
      const start = c.req.query("sha") ?? "main";
      const sha = git.commits.has(start) ? start : git.refs.get(`refs/heads/${start}`);
      if (sha === undefined) return notFound(c);
      return reply<"repos/list-commits">(
        c,
        page(c, git.walk(sha)).map((commit) => listedView(c, commitView(c, commit))),
        200,
      );
    }),
  );
}

function treeEntry(git: GitStore, value: unknown): TreeEntry | null {
  if (!isRecord(value)) return null;
  const { path, mode, type, sha, content } = value;
  if (typeof path !== "string" || !/^[^/\0]+(\/[^/\0]+)*$/.test(path) || !MODES.has(mode) || !TYPES.has(type))
    return null;
  const kind = type as TreeEntry["type"];
  if (typeof content === "string" && kind === "blob")
    return { path, mode: mode as string, type: kind, sha: git.writeBlob(Buffer.from(content)) };
  return typeof sha === "string" ? { path, mode: mode as string, type: kind, sha } : null;
}

function person(value: unknown, owner: string): Person {
  const given = isRecord(value) ? value : {};
  const text = (field: string, fallback: string) => (typeof given[field] === "string" ? given[field] : fallback);
  const date = text("date", "");
  return {
    name: text("name", owner),
    email: text("email", `${owner}@users.noreply.github.com`),
    date: isoSeconds(Number.isNaN(Date.parse(date)) ? Date.now() : Date.parse(date)),
  };
}
