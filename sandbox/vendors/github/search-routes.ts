/** Repository search: words and a few qualifiers over the account's repositories. https://docs.github.com/rest/search/search */
import type { Context } from "hono";
import { onlyQuery, type VendorApp } from "../vendor.ts";
import { reply, type Schema } from "./described.ts";
import { repositoryView } from "./views.ts";
import type { GithubState, Repository } from "./state.ts";
import { invalid, page } from "./wire.ts";

/** Characters of a query without its qualifiers; results that a search gives at most. */
const MAX_QUERY = 256;
const MAX_RESULTS = 1000;

type Test = (repository: Repository) => boolean;
function textOf({ name, settings: { description } }: Repository): string {
  return `${name} ${typeof description === "string" ? description : ""}`.toLowerCase();
}
const isPublic: Test = ({ settings }) => settings["visibility"] === "public" || settings["private"] === false;

/** @returns null for a qualifier that is not imitated. */
function testOf(term: string): Test | null {
  const [qualifier, value = ""] = term.split(":", 2);
  if (!term.includes(":")) return (repository) => textOf(repository).includes(term.toLowerCase());
  if (qualifier === "user" || qualifier === "org") return ({ owner }) => owner.toLowerCase() === value.toLowerCase();
  if (qualifier === "archived") return ({ settings }) => (settings["archived"] === true) === (value === "true");
  if (qualifier === "is" && (value === "public" || value === "private"))
    return (repository) => isPublic(repository) === (value === "public");
  return null;
}

/** Adds the search. */
export function addSearch(app: VendorApp, state: GithubState): void {
  app.get("/search/repositories", onlyQuery("q", "per_page", "page"), (c) => {
    const query = (c.req.query("q") ?? "").trim();
    const refuse = (code: string, message: string): Response =>
      invalid(c, "Validation Failed", [{ resource: "Search", field: "q", code, message }]);
    if (query === "") return invalid(c, "Validation Failed", [{ resource: "Search", field: "q", code: "missing" }]);
    const terms = query.split(/\s+/);
    const words = terms.filter((term) => !term.includes(":")).join(" ");
    if (words.length > MAX_QUERY) return refuse("invalid", `The search is longer than ${MAX_QUERY} characters.`);
    const tests = terms.map(testOf);
    if (tests.includes(null)) return c.notFound();
    const found = [...state.repositories.values()].filter((repository) => tests.every((test) => test?.(repository)));
    const perPage = Math.min(100, Number(c.req.query("per_page") ?? 30) || 30);
    if ((Number(c.req.query("page") ?? 1) - 1) * perPage >= MAX_RESULTS)
      return invalid(c, "Only the first 1000 search results are available");
    const items = page(c, found.slice(0, MAX_RESULTS)).map((repository) => foundView(c, state, repository));
    return reply<"search/repos">(c, { total_count: found.length, incomplete_results: false, items }, 200);
  });
}

/** A result: fewer settings than the repository itself has. */
function foundView(c: Context, state: GithubState, repository: Repository): Schema<"repo-search-result-item"> {
  const {
    id: _id,
    allow_update_branch: _update,
    network_count: _network,
    subscribers_count: _subscribers,
    security_and_analysis: _security,
    merge_commit_message: _message,
    merge_commit_title: _title,
    squash_merge_commit_message: _squashMessage,
    squash_merge_commit_title: _squashTitle,
    use_squash_pr_title_as_default: _default,
    temp_clone_token: _token,
    ...shown
  } = repositoryView(new URL(c.req.url).origin, state, repository);
  return { has_downloads: true, ...shown, id: repository.id, score: 1 };
}
