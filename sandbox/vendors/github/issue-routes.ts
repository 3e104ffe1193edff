/** Issues as their REST API shows them: https://docs.github.com/rest/issues/issues and https://docs.github.com/rest/issues/comments */
import type { Context } from "hono";
import { hasOnly, onlyQuery, type VendorApp } from "../vendor.ts";
import { reply, type Schema } from "./described.ts";
import type { RepositoryOf } from "./git-routes.ts";
import type { Comment, Issue } from "./issues.ts";
import type { Repository } from "./state.ts";
import { userView } from "./views.ts";
import { failure, invalid, isoSeconds, notFound, objectBody, page } from "./wire.ts";

/** Characters of a title and of a text. */
const MAX_TITLE = 256;
const MAX_BODY = 65_536;
const STATES: ReadonlySet<string> = new Set(["open", "closed", "all"]);

const pathOf = (repository: Repository): string => `/repos/${repository.owner}/${repository.name}`;

function issueView(c: Context, repository: Repository, issue: Issue): Schema<"issue"> {
  const api = new URL(c.req.url).origin;
  const base = api + pathOf(repository);
  const page = `https://github.com/${repository.owner}/${repository.name}`;
  const url = `${base}/issues/${issue.number}`;
  const html = `${page}/${issue.pullRequest ? "pull" : "issues"}/${issue.number}`;
  return {
    url,
    repository_url: base,
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    html_url: html,
    id: issue.id,
    node_id: `I_${issue.id}`,
    number: issue.number,
    title: issue.title,
    user: userView(api, issue.author, 3, "User"),
    labels: issue.labels.map((name, i) => ({
      id: issue.id * 100 + i,
      node_id: `LA_${issue.id}_${i}`,
      url: `${base}/labels/${encodeURIComponent(name)}`,
      name,
      color: "ededed",
      default: false,
      description: null,
    })),
    state: issue.state,
    state_reason: null,
    locked: issue.locked,
    active_lock_reason: null,
    assignee: null,
    assignees: [],
    milestone: null,
    comments: issue.comments.length,
    created_at: isoSeconds(issue.createdAt),
    updated_at: isoSeconds(issue.updatedAt),
    closed_at: issue.state === "closed" ? isoSeconds(issue.updatedAt) : null,
    author_association: "CONTRIBUTOR",
    body: issue.body,
    ...(issue.pullRequest
      ? {
          pull_request: {
            url: `${base}/pulls/${issue.number}`,
            html_url: html,
            diff_url: `${html}.diff`,
            patch_url: `${html}.patch`,
          },
        }
      : {}),
  };
}

function commentView(c: Context, repository: Repository, issue: Issue, comment: Comment): Schema<"issue-comment"> {
  const api = new URL(c.req.url).origin;
  const base = api + pathOf(repository);
  return {
    id: comment.id,
    node_id: `IC_${comment.id}`,
    url: `${base}/issues/comments/${comment.id}`,
    html_url: `https://github.com/${repository.owner}/${repository.name}/issues/${issue.number}#issuecomment-${comment.id}`,
    issue_url: `${base}/issues/${issue.number}`,
    body: comment.body,
    user: userView(api, comment.author, 3, "User"),
    created_at: isoSeconds(comment.createdAt),
    updated_at: isoSeconds(comment.createdAt),
    author_association: "CONTRIBUTOR",
  };
}

/** The errors of a 422, with the field that is meant. */
const refuseField = (c: Context, resource: string, field: string, code: string, message?: string): Response =>
  invalid(c, "Validation Failed", [{ ...(message === undefined ? {} : { message }), resource, field, code }]);

/** Label names as they were sent (texts or objects with a name). @returns null when one is neither. */
function labelsIn(value: unknown): readonly string[] | null {
  if (!Array.isArray(value)) return null;
  const names = value.map((label: unknown) =>
    typeof label === "object" && label !== null && "name" in label ? (label as { readonly name: unknown }).name : label,
  );
  return names.every((name) => typeof name === "string" && name !== "") ? [...new Set(names as string[])] : null;
}

/** Adds the issues of every repository. `loginOf` names the account that calls. */
export function addIssues(app: VendorApp, repositoryOf: RepositoryOf, loginOf: (c: Context) => string): void {
  const base = "/repos/:owner/:repo/issues";
  const withRepository =
    (handler: (c: Context, repository: Repository) => Response | Promise<Response>) => (c: Context) => {
      const repository = repositoryOf(c);
      if (!repository) return notFound(c);
      if (repository.settings["has_issues"] === false)
        return failure(c, 410, "Issues has been disabled in this repository.");
      if (c.req.method !== "GET" && repository.settings["archived"] === true)
        return failure(c, 403, "Repository was archived so is read-only.");
      return handler(c, repository);
    };
  const withIssue = (handler: (c: Context, repository: Repository, issue: Issue) => Response | Promise<Response>) =>
    withRepository((c, repository) => {
      const issue = repository.issues.find(Number(c.req.param("number")));
      if (!issue) return notFound(c);
      return issue.deleted ? failure(c, 410, "This issue was deleted") : handler(c, repository, issue);
    });

  app.get(
    base,
    onlyQuery("state", "per_page", "page"),
    withRepository((c, repository) => {
      const state = c.req.query("state") ?? "open";
      if (!STATES.has(state)) return refuseField(c, "Issue", "state", "invalid");
      const issues = repository.issues.list(state as "open" | "closed" | "all");
      return reply<"issues/list-for-repo">(
        c,
        page(c, issues).map((issue) => issueView(c, repository, issue)),
        200,
      );
    }),
  );
  app.post(
    base,
    onlyQuery(),
    withRepository(async (c, repository) => {
      const sent = await objectBody(c);
      if (!sent) return failure(c, 400, "Problems parsing JSON");
      if (!hasOnly(sent, "title", "body", "labels")) return c.notFound();
      const { title, body = null, labels = [] } = sent;
      if ((typeof title !== "string" && typeof title !== "number") || String(title).trim() === "")
        return refuseField(c, "Issue", "title", "missing_field");
      if (String(title).length > MAX_TITLE)
        return refuseField(c, "Issue", "title", "custom", `title is too long (maximum is ${MAX_TITLE} characters)`);
      if (body !== null && typeof body !== "string") return refuseField(c, "Issue", "body", "invalid");
      if (body !== null && body.length > MAX_BODY)
        return refuseField(c, "Issue", "body", "custom", `body is too long (maximum is ${MAX_BODY} characters)`);
      const names = labelsIn(labels);
      if (!names) return refuseField(c, "Label", "name", "invalid");
      const issue = repository.issues.open({ title: String(title), author: loginOf(c), body, labels: names });
      return reply<"issues/create">(c, issueView(c, repository, issue), 201);
    }),
  );
  app.get(
    `${base}/:number{[0-9]+}`,
    onlyQuery(),
    withIssue((c, repository, issue) => reply<"issues/get">(c, issueView(c, repository, issue), 200)),
  );
  app.get(
    `${base}/:number{[0-9]+}/comments`,
    onlyQuery("per_page", "page"),
    withIssue((c, repository, issue) =>
      reply<"issues/list-comments">(
        c,
        page(c, issue.comments).map((comment) => commentView(c, repository, issue, comment)),
        200,
      ),
    ),
  );
  app.post(
    `${base}/:number{[0-9]+}/comments`,
    onlyQuery(),
    withIssue(async (c, repository, issue) => {
      const sent = await objectBody(c);
      if (!sent) return failure(c, 400, "Problems parsing JSON");
      if (!hasOnly(sent, "body")) return c.notFound();
      if (issue.locked) return failure(c, 403, "Unable to create comment because issue is locked.");
      const { body } = sent;
      if (typeof body !== "string" || body.trim() === "")
        return refuseField(c, "IssueComment", "body", "missing_field");
      if (body.length > MAX_BODY)
        return refuseField(c, "IssueComment", "body", "custom", `body is too long (maximum is ${MAX_BODY} characters)`);
      const made = repository.issues.comment(issue, loginOf(c), body);
      return reply<"issues/create-comment">(c, commentView(c, repository, issue, made), 201);
    }),
  );
}
