/**
 * GitHub's REST API as far as it is imitated, in the project's own words and held against `@octokit/openapi-types` by the compiler.
 * Read in tests only: see ../hook.ts.
 */
import type { Description, Operation } from "../check.ts";
import { operation } from "./described.ts";
import * as is from "./objects.ts";

const secrets: readonly Operation[] = [
  operation("get", "/repos/{owner}/{repo}/actions/secrets/public-key", { statuses: [200], answer: is.PUBLIC_KEY }),
  operation("get", "/repos/{owner}/{repo}/actions/secrets", { query: is.PAGES, statuses: [200], answer: is.SECRETS }),
  operation("get", "/repos/{owner}/{repo}/actions/secrets/{secret_name}", { statuses: [200], answer: is.SECRET }),
  operation("put", "/repos/{owner}/{repo}/actions/secrets/{secret_name}", {
    body: is.SEALED,
    statuses: [201, 204],
    answer: is.NOTHING,
  }),
  operation("delete", "/repos/{owner}/{repo}/actions/secrets/{secret_name}", { statuses: [204] }),
  operation("get", "/repos/{owner}/{repo}/environments/{environment_name}/secrets/public-key", {
    statuses: [200],
    answer: is.PUBLIC_KEY,
  }),
  operation("get", "/repos/{owner}/{repo}/environments/{environment_name}/secrets", {
    query: is.PAGES,
    statuses: [200],
    answer: is.SECRETS,
  }),
  operation("get", "/repos/{owner}/{repo}/environments/{environment_name}/secrets/{secret_name}", {
    statuses: [200],
    answer: is.SECRET,
  }),
  operation("put", "/repos/{owner}/{repo}/environments/{environment_name}/secrets/{secret_name}", {
    body: is.SEALED,
    statuses: [201, 204],
    answer: is.NOTHING,
  }),
  operation("delete", "/repos/{owner}/{repo}/environments/{environment_name}/secrets/{secret_name}", {
    statuses: [204],
  }),
];

const variables: readonly Operation[] = [
  operation("get", "/repos/{owner}/{repo}/actions/variables", {
    query: is.PAGES,
    statuses: [200],
    answer: is.VARIABLES,
  }),
  operation("post", "/repos/{owner}/{repo}/actions/variables", { body: is.PAIR, statuses: [201], answer: is.NOTHING }),
  operation("get", "/repos/{owner}/{repo}/actions/variables/{name}", { statuses: [200], answer: is.VARIABLE }),
  operation("patch", "/repos/{owner}/{repo}/actions/variables/{name}", { body: is.PAIR, statuses: [204] }),
  operation("delete", "/repos/{owner}/{repo}/actions/variables/{name}", { statuses: [204] }),
  operation("get", "/repos/{owner}/{repo}/environments/{environment_name}/variables", {
    query: is.PAGES,
    statuses: [200],
    answer: is.VARIABLES,
  }),
  operation("post", "/repos/{owner}/{repo}/environments/{environment_name}/variables", {
    body: is.PAIR,
    statuses: [201],
    answer: is.NOTHING,
  }),
  operation("get", "/repos/{owner}/{repo}/environments/{environment_name}/variables/{name}", {
    statuses: [200],
    answer: is.VARIABLE,
  }),
  operation("patch", "/repos/{owner}/{repo}/environments/{environment_name}/variables/{name}", {
    body: is.PAIR,
    statuses: [204],
  }),
  operation("delete", "/repos/{owner}/{repo}/environments/{environment_name}/variables/{name}", { statuses: [204] }),
];

const git: readonly Operation[] = [
  operation("get", "/repos/{owner}/{repo}/git/ref/{ref}", { statuses: [200, 409], answer: is.REF }),
  operation("get", "/repos/{owner}/{repo}/git/matching-refs/{ref}", { statuses: [200, 409], answer: { list: is.REF } }),
  operation("post", "/repos/{owner}/{repo}/git/refs", {
    body: { fields: { ref: "string", sha: "string" } },
    statuses: [201, 409],
    answer: is.REF,
  }),
  operation("patch", "/repos/{owner}/{repo}/git/refs/{ref}", {
    body: { fields: { sha: "string", force: "boolean" } },
    statuses: [200, 409],
    answer: is.REF,
  }),
  operation("delete", "/repos/{owner}/{repo}/git/refs/{ref}", { statuses: [204, 409] }),
  operation("post", "/repos/{owner}/{repo}/git/blobs", {
    body: { fields: { content: "string", encoding: "string" } },
    statuses: [201, 409],
    answer: is.AT,
  }),
  operation("get", "/repos/{owner}/{repo}/git/blobs/{file_sha}", { statuses: [200, 409], answer: is.BLOB }),
  operation("post", "/repos/{owner}/{repo}/git/trees", {
    body: {
      fields: {
        base_tree: "string",
        tree: {
          list: {
            fields: {
              path: "string",
              mode: { enum: ["100644", "100755", "040000", "160000", "120000"] },
              type: { enum: ["blob", "tree", "commit"] },
              sha: "string",
              content: "string",
            },
          },
        },
      },
    },
    statuses: [201, 409],
    answer: is.TREE,
  }),
  operation("get", "/repos/{owner}/{repo}/git/trees/{tree_sha}", {
    query: { recursive: "string" },
    statuses: [200, 409],
    answer: is.TREE,
  }),
  operation("post", "/repos/{owner}/{repo}/git/commits", {
    body: {
      fields: {
        message: "string",
        tree: "string",
        parents: { list: "string" },
        author: is.WRITER,
        committer: is.WRITER,
        signature: "string",
      },
    },
    statuses: [201, 409],
    answer: is.COMMIT,
  }),
  operation("get", "/repos/{owner}/{repo}/git/commits/{commit_sha}", { statuses: [200, 409], answer: is.COMMIT }),
  operation("get", "/repos/{owner}/{repo}/commits", {
    query: { ...is.PAGES, sha: "string", path: "string", since: "string", until: "string" },
    statuses: [200, 409],
    answer: { list: is.LISTED_COMMIT },
  }),
];

const repositories: readonly Operation[] = [
  operation("get", "/", {
    statuses: [200],
    answer: { fields: { current_user_url: "string", rate_limit_url: "string" } },
  }),
  operation("get", "/rate_limit", {
    statuses: [200],
    answer: {
      fields: { resources: { fields: { core: is.WINDOW, search: is.WINDOW, graphql: is.WINDOW } }, rate: is.WINDOW },
    },
  }),
  operation("get", "/user", { statuses: [200], answer: is.PROFILE }),
  operation("get", "/users/{username}", { statuses: [200], answer: is.PROFILE }),
  operation("get", "/orgs/{org}", { statuses: [200], answer: is.ORGANIZATION }),
  operation("post", "/orgs/{org}/repos", { body: is.NEW_REPOSITORY, statuses: [201], answer: is.REPOSITORY }),
  operation("get", "/repos/{owner}/{repo}", { statuses: [200], answer: is.REPOSITORY }),
  operation("patch", "/repos/{owner}/{repo}", {
    body: is.REPOSITORY_CHANGES,
    statuses: [200],
    answer: is.REPOSITORY,
  }),
  operation("delete", "/repos/{owner}/{repo}", { statuses: [204, 409] }),
  operation("get", "/repos/{owner}/{repo}/environments", {
    query: is.PAGES,
    statuses: [200],
    answer: { fields: { total_count: "number", environments: { list: is.ENVIRONMENT } } },
  }),
  operation("get", "/repos/{owner}/{repo}/environments/{environment_name}", {
    statuses: [200],
    answer: is.ENVIRONMENT,
  }),
  operation("put", "/repos/{owner}/{repo}/environments/{environment_name}", {
    body: {
      fields: {
        wait_timer: "number",
        prevent_self_review: "boolean",
        reviewers: { list: { fields: { type: { enum: ["User", "Team"] }, id: "number" } } },
        deployment_branch_policy: is.BRANCHES,
      },
    },
    statuses: [200],
    answer: is.ENVIRONMENT,
  }),
  operation("delete", "/repos/{owner}/{repo}/environments/{environment_name}", { statuses: [204] }),
  operation("get", "/repos/{owner}/{repo}/actions/runs/{run_id}", {
    query: { exclude_pull_requests: "boolean" },
    statuses: [200],
    answer: is.RUN,
  }),
];

const protection: readonly Operation[] = [
  operation("get", "/repos/{owner}/{repo}/topics", {
    query: is.PAGES,
    statuses: [200],
    answer: { fields: { names: { list: "string" } } },
  }),
  operation("put", "/repos/{owner}/{repo}/topics", {
    body: { fields: { names: { list: "string" } } },
    statuses: [200],
    answer: { fields: { names: { list: "string" } } },
  }),
  operation("get", "/repos/{owner}/{repo}/vulnerability-alerts", { statuses: [204] }),
  operation("put", "/repos/{owner}/{repo}/vulnerability-alerts", { statuses: [204] }),
  operation("delete", "/repos/{owner}/{repo}/vulnerability-alerts", { statuses: [204] }),
  operation("get", "/repos/{owner}/{repo}/automated-security-fixes", {
    statuses: [200],
    answer: { fields: { enabled: "boolean", paused: "boolean" } },
  }),
  operation("put", "/repos/{owner}/{repo}/automated-security-fixes", { statuses: [204] }),
  operation("delete", "/repos/{owner}/{repo}/automated-security-fixes", { statuses: [204] }),
  operation("get", "/repos/{owner}/{repo}/actions/permissions/workflow", {
    statuses: [200],
    answer: is.WORKFLOW_TOKEN,
  }),
  operation("put", "/repos/{owner}/{repo}/actions/permissions/workflow", {
    body: is.WORKFLOW_TOKEN,
    statuses: [204, 409],
  }),
  operation("get", "/repos/{owner}/{repo}/rulesets", {
    query: { ...is.PAGES, includes_parents: "boolean", targets: "string" },
    statuses: [200],
    answer: { list: is.RULESET },
  }),
  operation("post", "/repos/{owner}/{repo}/rulesets", { body: is.NEW_RULESET, statuses: [201], answer: is.RULESET }),
  operation("get", "/repos/{owner}/{repo}/rulesets/{ruleset_id}", {
    query: { includes_parents: "boolean" },
    statuses: [200],
    answer: is.RULESET,
  }),
  operation("put", "/repos/{owner}/{repo}/rulesets/{ruleset_id}", {
    body: is.NEW_RULESET,
    statuses: [200],
    answer: is.RULESET,
  }),
  operation("delete", "/repos/{owner}/{repo}/rulesets/{ruleset_id}", { statuses: [204] }),
  operation("get", "/repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies", {
    query: is.PAGES,
    statuses: [200],
    answer: { fields: { total_count: "number", branch_policies: { list: is.BRANCH_POLICY } } },
  }),
  operation("post", "/repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies", {
    body: { fields: { name: "string", type: { enum: ["branch", "tag"] } } },
    statuses: [200, 303],
    answer: is.BRANCH_POLICY,
  }),
  operation(
    "get",
    "/repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}",
    {
      statuses: [200],
      answer: is.BRANCH_POLICY,
    },
  ),
  operation(
    "put",
    "/repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}",
    {
      body: { fields: { name: "string" } },
      statuses: [200],
      answer: is.BRANCH_POLICY,
    },
  ),
  operation(
    "delete",
    "/repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}",
    { statuses: [204] },
  ),
];

const issues: readonly Operation[] = [
  operation("get", "/repos/{owner}/{repo}/issues", {
    query: { ...is.PAGES, state: { enum: ["open", "closed", "all"] } },
    statuses: [200],
    answer: { list: is.ISSUE },
  }),
  operation("post", "/repos/{owner}/{repo}/issues", {
    body: { fields: { title: "any", body: "string", labels: { list: "any" } } },
    statuses: [201, 410],
    answer: is.ISSUE,
  }),
  operation("get", "/repos/{owner}/{repo}/issues/{issue_number}", { statuses: [200, 410], answer: is.ISSUE }),
  operation("get", "/repos/{owner}/{repo}/issues/{issue_number}/comments", {
    query: { ...is.PAGES, since: "string" },
    statuses: [200, 410],
    answer: { list: is.COMMENT },
  }),
  operation("post", "/repos/{owner}/{repo}/issues/{issue_number}/comments", {
    body: { fields: { body: "string" } },
    statuses: [201, 410],
    answer: is.COMMENT,
  }),
  operation("get", "/search/repositories", {
    query: { ...is.PAGES, q: "string" },
    statuses: [200],
    answer: { fields: { total_count: "number", incomplete_results: "boolean", items: { list: is.FOUND } } },
  }),
];

/** The excerpt. */
export const GITHUB: Description = {
  vendor: "github",
  operations: [...secrets, ...variables, ...git, ...repositories, ...protection, ...issues],
  error: {
    fields: {
      ...is.texts("message", "documentation_url", "url", "status"),
      errors: { list: "any" },
    },
  },
  shapes: {},
};
