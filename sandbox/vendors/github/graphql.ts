/** The two GraphQL questions that clients of this product ask: who am I, and what is a repository's id. Everything else is unknown. */
import type { Context } from "hono";
import type { VendorApp } from "../vendor.ts";
import type { GithubState, Repository } from "./state.ts";
import { failure, objectBody } from "./wire.ts";
import { isRecord } from "../../../contract/json.ts";

/** Login of the one token's user. */
export const OPERATOR = "sandbox-operator";

/** Of a repository: what gh asks for before it looks for an environment, and when it is told `-R`. */
const repositoryView = ({ id, name, owner }: Repository) => ({
  id: `R_${id}`,
  databaseId: id,
  name,
  nameWithOwner: `${owner}/${name}`,
  owner: { id: `O_${owner}`, login: owner },
  description: "",
  url: `https://github.com/${owner}/${name}`,
  isPrivate: true,
  visibility: "PRIVATE",
  hasIssuesEnabled: true,
  hasWikiEnabled: false,
  viewerPermission: "ADMIN",
  defaultBranchRef: { name: "main" },
  parent: null,
  mergeCommitAllowed: true,
  rebaseMergeAllowed: true,
  squashMergeAllowed: true,
});
const KNOWN: ReadonlySet<string> = new Set([
  ..."query fragment repo on Repository RepositoryInfo repository owner name login".split(" "),
  ...Object.keys(repositoryView({ id: 0, name: "", owner: "" } as Repository)),
]);
const isKnown = (word: string): boolean => KNOWN.has(word);
/** Every name in a question, without its variables and their types. */
const fieldsOf = (query: string): readonly string[] =>
  query
    .replaceAll(/\([^)]*\)/g, " ")
    .match(/[A-Za-z_]\w*/g)
    ?.filter((word) => word !== "RepositoryID") ?? [];

/** Adds `/graphql` and the `/api/graphql` of Enterprise Server. */
export function addGraphql(app: VendorApp, state: GithubState): void {
  const answer = async (c: Context): Promise<Response> => {
    const body = await objectBody(c);
    if (typeof body?.["query"] !== "string")
      return failure(c, 400, "A query attribute must be specified and must be a string.");
    const query = body["query"].replaceAll(/\s+/g, " ");
    const variables = isRecord(body["variables"]) ? body["variables"] : {};
    if (/^(query\b[^{]*)?\{ ?viewer ?\{ ?login ?\} ?\}$/.test(query))
      return c.json({ data: { viewer: { login: OPERATOR } } });
    const asked = /\brepository ?\(owner: ?\$owner, ?name: ?\$name\) ?\{/.test(query) && fieldsOf(query).every(isKnown);
    if (asked) {
      const { owner, name } = variables;
      const repository = typeof owner === "string" && typeof name === "string" ? state.find(owner, name) : null;
      if (repository) return c.json({ data: { repository: repositoryView(repository) } });
      const errors = [
        { type: "NOT_FOUND", path: ["repository"], message: "Could not resolve to a Repository with that name." },
      ];
      return c.json({ data: { repository: null }, errors });
    }
    return c.notFound();
  };
  app.post("/graphql", answer);
  app.post("/api/graphql", answer);
}
