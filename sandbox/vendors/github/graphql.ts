/** The two GraphQL questions that clients of this product ask: who am I, and what are repositories' ids. Everything else is unknown. */
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
  ..."query fragment repo on Repository repository owner name login".split(" "),
  ...Object.keys(repositoryView({ id: 0, name: "", owner: "" } as Repository)),
]);
const isKnown = (word: string): boolean => KNOWN.has(word);
/** One repository that is asked for, by variables or by literals, under a name of the client's own or none. */
const REPOSITORY = /(?:(\w+) ?: ?)?\brepository ?\(owner: ?(\$owner|"[^"\\]*"), ?name: ?(\$name|"[^"\\]*")\) ?\{/g;
/** Every field in a question, without what the client calls things, its variables and their types. */
const fieldsOf = (query: string): readonly string[] =>
  query
    .replace(/^ ?query \w+/, "query")
    .replaceAll(/\w+ ?:(?= ?repository\b)/g, " ")
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
    const asked = [...query.matchAll(REPOSITORY)];
    if (asked.length > 0 && fieldsOf(query).every(isKnown)) {
      const valueOf = (given = "") => (given.startsWith("$") ? variables[given.slice(1)] : given.slice(1, -1));
      const found = asked.map(([, alias = "repository", owner, name]) => {
        const [inOwner, called] = [valueOf(owner), valueOf(name)];
        const known = typeof inOwner === "string" && typeof called === "string" ? state.find(inOwner, called) : null;
        return [alias, known && repositoryView(known)] as const;
      });
      const errors = found
        .filter(([, known]) => known === null)
        .map(([alias]) => ({
          type: "NOT_FOUND",
          path: [alias],
          message: "Could not resolve to a Repository with that name.",
        }));
      return c.json({ data: Object.fromEntries(found), ...(errors.length > 0 ? { errors } : {}) });
    }
    return c.notFound();
  };
  app.post("/graphql", answer);
  app.post("/api/graphql", answer);
}
