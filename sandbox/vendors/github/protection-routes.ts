/**
 * What protects a repository and its deployments: rulesets, branch policies of environments, alerts, automatic fixes, the
 * token of workflows; and the settings of the repository itself. Kept and shown back; pushes are not part of this emulator.
 */
import type { Context } from "hono";
import type { VendorApp } from "../vendor.ts";
import { done, reply, type Schema } from "./described.ts";
import type { RepositoryOf } from "./git-routes.ts";
import type { Environment, GithubState, Repository } from "./state.ts";
import { repositoryView } from "./views.ts";
import { failure, invalid, isoSeconds, notFound, objectBody, page } from "./wire.ts";
import { isRecord } from "../../../contract/json.ts";

/** What a caller wrote, looked at where it came in. */
type Ruleset = Pick<Schema<"repository-ruleset">, "name" | "enforcement">;
type Json = Readonly<Record<string, unknown>>;
const TARGETS: ReadonlySet<unknown> = new Set(["branch", "tag", "push"]);
const ENFORCEMENTS: ReadonlySet<unknown> = new Set(["disabled", "active", "evaluate"]);
const TOPIC = /^[a-z0-9][a-z0-9-]{0,49}$/;

function rulesetFault(repository: Repository, body: Json, own: number | null): string | null {
  const { name, target = "branch", enforcement } = body;
  if (typeof name !== "string" || name === "") return "Name can't be blank";
  if (!TARGETS.has(target)) return "Target is not included in the list";
  if (!ENFORCEMENTS.has(enforcement)) return "Enforcement is not included in the list";
  const taken = [...repository.rulesets].some(([id, ruleset]) => id !== own && ruleset["name"] === name);
  return taken ? "Name must be unique" : null;
}

/** Adds the routes below `/repos/:owner/:repo`. */
export function addProtection(app: VendorApp, state: GithubState, repositoryOf: RepositoryOf): void {
  const base = "/repos/:owner/:repo";
  const withRepository =
    (handler: (c: Context, repository: Repository) => Response | Promise<Response>) => (c: Context) => {
      const repository = repositoryOf(c);
      return repository ? handler(c, repository) : notFound(c);
    };
  const idOf = (c: Context): number => Number(c.req.param("id"));

  app.patch(
    base,
    withRepository(async (c, repository) => {
      const body = await objectBody(c);
      if (!body) return failure(c, 400, "Problems parsing JSON");
      const { name, security_and_analysis: security, private: isPrivate, ...rest } = body;
      if (repository.settings["archived"] === true && rest["archived"] !== false)
        return failure(c, 403, "Repository was archived so is read-only.");
      const before = repository.settings["security_and_analysis"];
      repository.settings = {
        ...repository.settings,
        ...rest,
        ...(typeof isPrivate === "boolean" && rest["visibility"] === undefined
          ? { visibility: isPrivate ? "private" : "public" }
          : {}),
        ...(isRecord(security) ? { security_and_analysis: { ...(isRecord(before) ? before : {}), ...security } } : {}),
      };
      if (typeof name === "string" && name !== repository.name) {
        if (state.find(repository.owner, name)) return invalid(c, "name already exists on this account");
        state.rename(repository, name);
      }
      return reply<"repos/update">(c, repositoryView(new URL(c.req.url).origin, state, repository), 200);
    }),
  );
  app.delete(
    base,
    withRepository((c, repository) => {
      state.repositories.delete(repository.name.toLowerCase());
      return done(c, "repos/delete");
    }),
  );
  app.get(
    `${base}/topics`,
    withRepository((c, repository) => reply<"repos/get-all-topics">(c, { names: [...repository.topics] }, 200)),
  );
  app.put(
    `${base}/topics`,
    withRepository(async (c, repository) => {
      const { names } = (await objectBody(c)) ?? {};
      if (!Array.isArray(names) || !names.every((name) => typeof name === "string" && TOPIC.test(name)))
        return invalid(c, "Validation Failed");
      repository.topics = names as readonly string[];
      return reply<"repos/replace-all-topics">(c, { names: [...repository.topics] }, 200);
    }),
  );

  // Two switches that answer by status alone. https://docs.github.com/rest/repos/repos#check-if-dependabot-security-updates-are-enabled-for-a-repository
  app.get(
    `${base}/vulnerability-alerts`,
    withRepository((c, repository) =>
      repository.vulnerabilityAlerts ? done(c, "repos/check-vulnerability-alerts") : notFound(c),
    ),
  );
  app.on(
    ["PUT", "DELETE"],
    `${base}/vulnerability-alerts`,
    withRepository((c, repository) => {
      repository.vulnerabilityAlerts = c.req.method === "PUT";
      if (!repository.vulnerabilityAlerts) repository.securityFixes = false;
      return done(c, "repos/enable-vulnerability-alerts");
    }),
  );
  app.get(
    `${base}/automated-security-fixes`,
    withRepository((c, repository) =>
      repository.vulnerabilityAlerts
        ? reply<"repos/check-automated-security-fixes">(c, { enabled: repository.securityFixes, paused: false }, 200)
        : notFound(c),
    ),
  );
  app.on(
    ["PUT", "DELETE"],
    `${base}/automated-security-fixes`,
    withRepository((c, repository) => {
      const enable = c.req.method === "PUT";
      if (enable && !repository.vulnerabilityAlerts)
        return invalid(c, "Vulnerability alerts must be enabled to configure Dependabot security updates.");
      repository.securityFixes = enable;
      return done(c, "repos/enable-automated-security-fixes");
    }),
  );
  app.get(
    `${base}/actions/permissions/workflow`,
    withRepository((c, repository) =>
      reply<"actions/get-github-actions-default-workflow-permissions-repository">(
        c,
        repository.workflowPermissions,
        200,
      ),
    ),
  );
  app.put(
    `${base}/actions/permissions/workflow`,
    withRepository(async (c, repository) => {
      const before = repository.workflowPermissions;
      const {
        default_workflow_permissions: token = before.default_workflow_permissions,
        can_approve_pull_request_reviews: approve = before.can_approve_pull_request_reviews,
      } = (await objectBody(c)) ?? {};
      if ((token !== "read" && token !== "write") || typeof approve !== "boolean")
        return invalid(c, "Validation Failed");
      repository.workflowPermissions = {
        default_workflow_permissions: token,
        can_approve_pull_request_reviews: approve,
      };
      return done(c, "actions/set-github-actions-default-workflow-permissions-repository");
    }),
  );

  const rulesetView = (
    c: Context,
    repository: Repository,
    id: number,
    ruleset: Ruleset,
  ): Schema<"repository-ruleset"> => ({
    target: "branch",
    bypass_actors: [],
    conditions: {},
    rules: [],
    ...ruleset,
    id,
    node_id: `RRS_${id}`,
    source_type: "Repository",
    source: `${repository.owner}/${repository.name}`,
    created_at: isoSeconds(repository.createdAt),
    updated_at: isoSeconds(repository.createdAt),
    current_user_can_bypass: "never",
    _links: {
      self: { href: `${new URL(c.req.url).origin}/repos/${repository.owner}/${repository.name}/rulesets/${id}` },
    },
  });
  app.get(
    `${base}/rulesets`,
    withRepository((c, repository) =>
      reply<"repos/get-repo-rulesets">(
        c,
        page(c, [...repository.rulesets]).map(([id, ruleset]) => rulesetView(c, repository, id, ruleset as Ruleset)),
        200,
      ),
    ),
  );
  const writeRuleset = withRepository(async (c, repository) => {
    const creates = c.req.method === "POST";
    if (!creates && !repository.rulesets.has(idOf(c))) return notFound(c);
    const body = (await objectBody(c)) ?? {};
    const wanted = creates ? body : { ...repository.rulesets.get(idOf(c)), ...body };
    const fault = rulesetFault(repository, wanted, creates ? null : idOf(c));
    if (fault !== null) return invalid(c, "Validation Failed", [fault]);
    const id = creates ? state.nextId() : idOf(c);
    repository.rulesets.set(id, wanted);
    const view = rulesetView(c, repository, id, wanted as Ruleset);
    return creates
      ? reply<"repos/create-repo-ruleset">(c, view, 201)
      : reply<"repos/update-repo-ruleset">(c, view, 200);
  });
  app.post(`${base}/rulesets`, writeRuleset);
  app.put(`${base}/rulesets/:id{[0-9]+}`, writeRuleset);
  app.get(
    `${base}/rulesets/:id{[0-9]+}`,
    withRepository((c, repository) => {
      const ruleset = repository.rulesets.get(idOf(c));
      return ruleset
        ? reply<"repos/get-repo-ruleset">(c, rulesetView(c, repository, idOf(c), ruleset as Ruleset), 200)
        : notFound(c);
    }),
  );
  app.delete(
    `${base}/rulesets/:id{[0-9]+}`,
    withRepository((c, repository) =>
      repository.rulesets.delete(idOf(c)) ? done(c, "repos/delete-repo-ruleset") : notFound(c),
    ),
  );

  addBranchPolicies(app, state, repositoryOf);
}

/** Which branches may deploy to an environment. https://docs.github.com/rest/deployments/branch-policies */
function addBranchPolicies(app: VendorApp, state: GithubState, repositoryOf: RepositoryOf): void {
  const base = "/repos/:owner/:repo/environments/:environment/deployment-branch-policies";
  // Policies exist only while the environment asks for its own.
  const withEnvironment =
    (handler: (c: Context, environment: Environment) => Response | Promise<Response>) => (c: Context) => {
      const environment = repositoryOf(c)?.environments.get((c.req.param("environment") ?? "").toLowerCase());
      return environment?.branchPolicy?.custom_branch_policies === true ? handler(c, environment) : notFound(c);
    };
  const idOf = (c: Context): number => Number(c.req.param("id"));
  const view = (policy: {
    readonly id: number;
    readonly name: string;
    readonly type: "branch" | "tag";
  }): Schema<"deployment-branch-policy"> => ({
    ...policy,
    node_id: `GBP_${policy.id}`,
  });

  app.get(
    base,
    withEnvironment((c, { branchPolicies }) => {
      const policies = [...branchPolicies.values()].map(view);
      return reply<"repos/list-deployment-branch-policies">(
        c,
        { total_count: policies.length, branch_policies: [...page(c, policies)] },
        200,
      );
    }),
  );
  app.post(
    base,
    withEnvironment(async (c, { branchPolicies }) => {
      const { name, type = "branch" } = (await objectBody(c)) ?? {};
      if (typeof name !== "string" || name === "" || (type !== "branch" && type !== "tag"))
        return invalid(c, "Validation Failed");
      const known = [...branchPolicies.values()].find((policy) => policy.name === name && policy.type === type);
      if (known) return c.redirect(`${c.req.url}/${known.id}`, 303);
      const policy = { id: state.nextId(), name, type } as const;
      branchPolicies.set(policy.id, policy);
      return reply<"repos/create-deployment-branch-policy">(c, view(policy), 200);
    }),
  );
  app.get(
    `${base}/:id{[0-9]+}`,
    withEnvironment((c, { branchPolicies }) => {
      const policy = branchPolicies.get(idOf(c));
      return policy ? reply<"repos/get-deployment-branch-policy">(c, view(policy), 200) : notFound(c);
    }),
  );
  app.put(
    `${base}/:id{[0-9]+}`,
    withEnvironment(async (c, { branchPolicies }) => {
      const old = branchPolicies.get(idOf(c));
      const { name } = (await objectBody(c)) ?? {};
      if (!old) return notFound(c);
      if (typeof name !== "string" || name === "") return invalid(c, "Validation Failed");
      branchPolicies.set(old.id, { ...old, name });
      return reply<"repos/update-deployment-branch-policy">(c, view({ ...old, name }), 200);
    }),
  );
  app.delete(
    `${base}/:id{[0-9]+}`,
    withEnvironment((c, { branchPolicies }) =>
      branchPolicies.delete(idOf(c)) ? done(c, "repos/delete-deployment-branch-policy") : notFound(c),
    ),
  );
}
