/** Accounts, repositories, environments and workflow runs: what the stacks make and what the command line asks about. */
import type { Context } from "hono";
import type { VendorApp } from "../vendor.ts";
import { done, reply, type Schema } from "./described.ts";
import type { RepositoryOf } from "./git-routes.ts";
import type { Environment, GithubState, Repository } from "./state.ts";
import { organizationView, ownerView, profileView, repositoryView, runView, userView } from "./views.ts";
import { invalid, isoSeconds, notFound, objectBody, page } from "./wire.ts";
import { isRecord } from "../../../contract/json.ts";

/** With `can_admins_bypass`, which the platform shows and its description leaves out. */
type EnvironmentView = Schema<"environment"> & { readonly can_admins_bypass: boolean };

function environmentView(
  api: string,
  { owner, name }: Pick<Repository, "owner" | "name">,
  environment: Environment,
): EnvironmentView {
  const rules: NonNullable<EnvironmentView["protection_rules"]> = [];
  if (environment.waitTimer > 0)
    rules.push({ id: environment.id + 1, node_id: "GA_1", type: "wait_timer", wait_timer: environment.waitTimer });
  if (environment.reviewers.length > 0)
    rules.push({
      id: environment.id + 2,
      node_id: "GA_2",
      type: "required_reviewers",
      prevent_self_review: environment.preventSelfReview,
      reviewers: environment.reviewers.map(({ type, id }) => ({
        type,
        reviewer: type === "User" ? userView(api, `user-${id}`, id, type) : teamView(api, owner, id),
      })),
    });
  if (environment.branchPolicy) rules.push({ id: environment.id + 3, node_id: "GA_3", type: "branch_policy" });
  return {
    id: environment.id,
    node_id: `EN_${environment.id}`,
    name: environment.name,
    url: `${api}/repos/${owner}/${name}/environments/${encodeURIComponent(environment.name)}`,
    html_url: `https://github.com/${owner}/${name}/deployments/activity_log?environments_filter=${encodeURIComponent(environment.name)}`,
    created_at: isoSeconds(environment.createdAt),
    updated_at: isoSeconds(environment.createdAt),
    can_admins_bypass: environment.canAdminsBypass,
    protection_rules: rules,
    deployment_branch_policy: environment.branchPolicy,
  };
}

function teamView(api: string, owner: string, id: number): Schema<"team"> {
  const slug = `team-${id}`;
  const url = `${api}/orgs/${owner}/teams/${slug}`;
  return {
    id,
    node_id: `T_${id}`,
    name: slug,
    slug,
    description: null,
    permission: "pull",
    type: "organization",
    url,
    html_url: `https://github.com/orgs/${owner}/teams/${slug}`,
    members_url: `${url}/members{/member}`,
    repositories_url: `${url}/repos`,
    parent: null,
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

  const apiOf = (c: Context): string => new URL(c.req.url).origin;
  const me = (c: Context) => userView(apiOf(c), loginOf(c), 2, "User");

  app.get("/", (c) => c.json({ current_user_url: `${apiOf(c)}/user`, rate_limit_url: `${apiOf(c)}/rate_limit` }));
  app.get("/user", (c) => reply<"users/get-authenticated">(c, profileView(me(c)), 200));
  app.get("/orgs/:org", (c) =>
    c.req.param("org").toLowerCase() === state.owner.toLowerCase()
      ? reply<"orgs/get">(c, organizationView(apiOf(c), state), 200)
      : notFound(c),
  );
  app.get("/users/:user", (c) =>
    c.req.param("user").toLowerCase() === state.owner.toLowerCase()
      ? reply<"users/get-by-username">(c, profileView(ownerView(apiOf(c), state)), 200)
      : notFound(c),
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
    return reply<"repos/create-in-org">(c, repositoryView(apiOf(c), state, state.create(body["name"], body)), 201);
  });
  app.get(
    base,
    withRepository((c, repository) => reply<"repos/get">(c, repositoryView(apiOf(c), state, repository), 200)),
  );

  app.get(
    `${base}/environments`,
    withRepository((c, repository) => {
      const all = [...repository.environments.values()];
      const environments = page(c, all).map((environment) => environmentView(apiOf(c), repository, environment));
      return reply<"repos/get-all-environments">(c, { total_count: all.length, environments }, 200);
    }),
  );
  app.get(
    `${base}/environments/:environment`,
    withRepository((c, repository) => {
      const environment = environmentOf(c, repository);
      return environment
        ? reply<"repos/get-environment">(c, environmentView(apiOf(c), repository, environment), 200)
        : notFound(c);
    }),
  );
  app.put(
    `${base}/environments/:environment`,
    withRepository(async (c, repository) => {
      const name = c.req.param("environment") ?? "";
      if (name === "" || name.length > 255) return invalid(c, "Environment name is invalid");
      const environment = state.ensureEnvironment(repository, name);
      const fault = applyEnvironment(environment, (await objectBody(c)) ?? {});
      return fault === null
        ? reply<"repos/create-or-update-environment">(c, environmentView(apiOf(c), repository, environment), 200)
        : invalid(c, fault);
    }),
  );
  app.delete(
    `${base}/environments/:environment`,
    withRepository((c, repository) =>
      repository.environments.delete((c.req.param("environment") ?? "").toLowerCase())
        ? done(c, "repos/delete-an-environment")
        : notFound(c),
    ),
  );

  app.get(
    `${base}/actions/runs/:id`,
    withRepository((c, repository) => {
      const id = Number(c.req.param("id"));
      const run = repository.runs.get(id);
      return run
        ? reply<"actions/get-workflow-run">(c, runView(apiOf(c), state, repository, id, run), 200)
        : notFound(c);
    }),
  );
}
