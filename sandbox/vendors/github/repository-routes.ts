/** Accounts, repositories, environments and workflow runs: what the stacks make and what the command line asks about. */
import type { Context } from "hono";
import type { VendorApp } from "../vendor.ts";
import type { RepositoryOf } from "./git-routes.ts";
import type { Environment, GithubState, Repository } from "./state.ts";
import { invalid, isoSeconds, notFound, objectBody } from "./wire.ts";
import { isRecord } from "../../../contract/json.ts";

const ownerView = (state: GithubState) => ({
  login: state.owner,
  id: 1,
  node_id: "O_1",
  type: "Organization",
  site_admin: false,
});

/** A repository as `GET /repos/{o}/{r}` shows it: what was written, over GitHub's defaults. */
export function repositoryView(state: GithubState, repository: Repository): Readonly<Record<string, unknown>> {
  const visibility =
    repository.settings["visibility"] ?? (repository.settings["private"] === false ? "public" : "private");
  return {
    has_issues: true,
    has_projects: true,
    has_wiki: true,
    has_discussions: false,
    is_template: false,
    archived: false,
    description: null,
    homepage: null,
    allow_merge_commit: true,
    allow_squash_merge: true,
    allow_rebase_merge: true,
    allow_auto_merge: false,
    allow_update_branch: false,
    delete_branch_on_merge: false,
    web_commit_signoff_required: false,
    ...repository.settings,
    id: repository.id,
    node_id: `R_${repository.id}`,
    name: repository.name,
    full_name: `${repository.owner}/${repository.name}`,
    owner: ownerView(state),
    private: visibility !== "public",
    visibility,
    default_branch: "main",
    topics: repository.topics,
    created_at: isoSeconds(repository.createdAt),
    updated_at: isoSeconds(repository.createdAt),
    permissions: { admin: true, maintain: true, push: true, triage: true, pull: true },
    html_url: `https://github.com/${repository.owner}/${repository.name}`,
    clone_url: `https://github.com/${repository.owner}/${repository.name}.git`,
    ssh_url: `git@github.com:${repository.owner}/${repository.name}.git`,
    git_url: `git://github.com/${repository.owner}/${repository.name}.git`,
    svn_url: `https://github.com/${repository.owner}/${repository.name}`,
  };
}

function environmentView(environment: Environment): Readonly<Record<string, unknown>> {
  const rules: unknown[] = [];
  if (environment.waitTimer > 0)
    rules.push({ id: environment.id + 1, node_id: "GA_1", type: "wait_timer", wait_timer: environment.waitTimer });
  if (environment.reviewers.length > 0)
    rules.push({
      id: environment.id + 2,
      node_id: "GA_2",
      type: "required_reviewers",
      prevent_self_review: environment.preventSelfReview,
      reviewers: environment.reviewers.map(({ type, id }) => ({ type, reviewer: { id, login: `user-${id}`, type } })),
    });
  if (environment.branchPolicy) rules.push({ id: environment.id + 3, node_id: "GA_3", type: "branch_policy" });
  return {
    id: environment.id,
    node_id: `EN_${environment.id}`,
    name: environment.name,
    created_at: isoSeconds(environment.createdAt),
    updated_at: isoSeconds(environment.createdAt),
    can_admins_bypass: environment.canAdminsBypass,
    protection_rules: rules,
    deployment_branch_policy: environment.branchPolicy,
  };
}

/** @returns a sentence when the body is refused. */
function applyEnvironment(environment: Environment, body: Readonly<Record<string, unknown>>): string | null {
  const {
    wait_timer: wait,
    reviewers,
    prevent_self_review: self,
    can_admins_bypass: bypass,
    deployment_branch_policy: policy,
  } = body;
  if (typeof wait === "number") {
    if (!Number.isInteger(wait) || wait < 0 || wait > 43_200) return "wait_timer must be between 0 and 43200 minutes";
    environment.waitTimer = wait;
  }
  if (typeof self === "boolean") environment.preventSelfReview = self;
  if (typeof bypass === "boolean") environment.canAdminsBypass = bypass;
  if (Array.isArray(reviewers)) {
    if (reviewers.length > 6) return "at most six reviewers";
    environment.reviewers = reviewers
      .filter(isRecord)
      .map(({ type, id }) => ({ type: type === "Team" ? "Team" : "User", id: Number(id) }));
  } else if (reviewers === null) environment.reviewers = [];
  if (isRecord(policy)) {
    const protectedBranches = policy["protected_branches"] === true;
    const customPolicies = policy["custom_branch_policies"] === true;
    if (protectedBranches === customPolicies)
      return "protected_branches and custom_branch_policies cannot have the same value";
    environment.branchPolicy = { protected_branches: protectedBranches, custom_branch_policies: customPolicies };
  } else if (policy === null) environment.branchPolicy = null;
  if (environment.branchPolicy?.custom_branch_policies !== true) environment.branchPolicies.clear();
  return null;
}

/** Adds accounts, repositories, environments and runs. `loginOf` names the account that calls. */
export function addRepositories(
  app: VendorApp,
  state: GithubState,
  repositoryOf: RepositoryOf,
  loginOf: (c: Context) => string,
): void {
  const base = "/repos/:owner/:repo";
  const withRepository =
    (handler: (c: Context, repository: Repository) => Response | Promise<Response>) => (c: Context) => {
      const repository = repositoryOf(c);
      return repository ? handler(c, repository) : notFound(c);
    };
  const environmentOf = (c: Context, repository: Repository): Environment | undefined =>
    repository.environments.get((c.req.param("environment") ?? "").toLowerCase());

  app.get("/", (c) => c.json({ current_user_url: `${new URL(c.req.url).origin}/user` }));
  app.get("/user", (c) => c.json({ ...ownerView(state), login: loginOf(c), id: 2, node_id: "U_2", type: "User" }));
  app.get("/orgs/:org", (c) =>
    c.req.param("org").toLowerCase() === state.owner.toLowerCase()
      ? c.json({ ...ownerView(state), plan: { name: "team" } })
      : notFound(c),
  );
  app.get("/users/:user", (c) =>
    c.req.param("user").toLowerCase() === state.owner.toLowerCase() ? c.json(ownerView(state)) : notFound(c),
  );
  app.post("/orgs/:org/repos", async (c) => {
    const body = await objectBody(c);
    if (c.req.param("org").toLowerCase() !== state.owner.toLowerCase()) return notFound(c);
    if (typeof body?.["name"] !== "string" || !/^[\w.-]{1,100}$/.test(body["name"]))
      return invalid(c, "Repository creation failed.");
    if (state.find(state.owner, body["name"]))
      return invalid(c, "Repository creation failed.", [
        { resource: "Repository", code: "custom", field: "name", message: "name already exists on this account" },
      ]);
    return c.json(repositoryView(state, state.create(body["name"], body)), 201);
  });
  app.get(
    base,
    withRepository((c, repository) => c.json(repositoryView(state, repository))),
  );

  app.get(
    `${base}/environments`,
    withRepository((c, repository) => {
      const environments = [...repository.environments.values()].map(environmentView);
      return c.json({ total_count: environments.length, environments });
    }),
  );
  app.get(
    `${base}/environments/:environment`,
    withRepository((c, repository) => {
      const environment = environmentOf(c, repository);
      return environment ? c.json(environmentView(environment)) : notFound(c);
    }),
  );
  app.put(
    `${base}/environments/:environment`,
    withRepository(async (c, repository) => {
      const name = c.req.param("environment") ?? "";
      if (name === "" || name.length > 255) return invalid(c, "Environment name is invalid");
      const environment = state.ensureEnvironment(repository, name);
      const fault = applyEnvironment(environment, (await objectBody(c)) ?? {});
      return fault === null ? c.json(environmentView(environment)) : invalid(c, fault);
    }),
  );
  app.delete(
    `${base}/environments/:environment`,
    withRepository((c, repository) =>
      repository.environments.delete((c.req.param("environment") ?? "").toLowerCase())
        ? c.body(null, 204)
        : notFound(c),
    ),
  );

  app.get(
    `${base}/actions/runs/:id`,
    withRepository((c, repository) => {
      const id = Number(c.req.param("id"));
      const run = repository.runs.get(id);
      return run
        ? c.json({ id, name: "rotate", head_branch: "main", event: "workflow_dispatch", run_attempt: 1, ...run })
        : notFound(c);
    }),
  );
}
