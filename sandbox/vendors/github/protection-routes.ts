/**
 * What protects a repository and its deployments: rulesets, branch policies of environments, alerts, automatic fixes, the
 * token of workflows; and the settings of the repository itself. Kept and shown back; pushes are not part of this emulator.
 */
import type { Context } from "hono";
import type { VendorApp } from "../vendor.ts";
import type { RepositoryOf } from "./git-routes.ts";
import { repositoryView } from "./repository-routes.ts";
import type { Environment, GithubState, Repository } from "./state.ts";
import { failure, invalid, isoSeconds, notFound, objectBody, page } from "./wire.ts";
import { isRecord } from "../../../contract/json.ts";

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
      return c.json(repositoryView(state, repository));
    }),
  );
  app.delete(
    base,
    withRepository((c, repository) => {
      state.repositories.delete(repository.name.toLowerCase());
      return c.body(null, 204);
    }),
  );
  app.get(
    `${base}/topics`,
    withRepository((c, repository) => c.json({ names: repository.topics })),
  );
  app.put(
    `${base}/topics`,
    withRepository(async (c, repository) => {
      const { names } = (await objectBody(c)) ?? {};
      if (!Array.isArray(names) || !names.every((name) => typeof name === "string" && TOPIC.test(name)))
        return invalid(c, "Validation Failed");
      repository.topics = names as readonly string[];
      return c.json({ names });
    }),
  );

  // Two switches that answer by status alone. https://docs.github.com/rest/repos/repos#check-if-dependabot-security-updates-are-enabled-for-a-repository
  app.get(
    `${base}/vulnerability-alerts`,
    withRepository((c, repository) => (repository.vulnerabilityAlerts ? c.body(null, 204) : notFound(c))),
  );
  app.on(
    ["PUT", "DELETE"],
    `${base}/vulnerability-alerts`,
    withRepository((c, repository) => {
      repository.vulnerabilityAlerts = c.req.method === "PUT";
      if (!repository.vulnerabilityAlerts) repository.securityFixes = false;
      return c.body(null, 204);
    }),
  );
  app.get(
    `${base}/automated-security-fixes`,
    withRepository((c, repository) =>
      repository.vulnerabilityAlerts ? c.json({ enabled: repository.securityFixes, paused: false }) : notFound(c),
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
      return c.body(null, 204);
    }),
  );
  app.get(
    `${base}/actions/permissions/workflow`,
    withRepository((c, repository) => c.json(repository.workflowPermissions)),
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
      return c.body(null, 204);
    }),
  );

  const rulesetView = (c: Context, repository: Repository, id: number, ruleset: Json): Json => ({
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
      c.json(page(c, [...repository.rulesets]).map(([id, ruleset]) => rulesetView(c, repository, id, ruleset))),
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
    return c.json(rulesetView(c, repository, id, wanted), creates ? 201 : 200);
  });
  app.post(`${base}/rulesets`, writeRuleset);
  app.put(`${base}/rulesets/:id{[0-9]+}`, writeRuleset);
  app.get(
    `${base}/rulesets/:id{[0-9]+}`,
    withRepository((c, repository) => {
      const ruleset = repository.rulesets.get(idOf(c));
      return ruleset ? c.json(rulesetView(c, repository, idOf(c), ruleset)) : notFound(c);
    }),
  );
  app.delete(
    `${base}/rulesets/:id{[0-9]+}`,
    withRepository((c, repository) => (repository.rulesets.delete(idOf(c)) ? c.body(null, 204) : notFound(c))),
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
  const view = (policy: { readonly id: number; readonly name: string; readonly type: string }): Json => ({
    ...policy,
    node_id: `GBP_${policy.id}`,
  });

  app.get(
    base,
    withEnvironment((c, { branchPolicies }) => {
      const policies = [...branchPolicies.values()].map(view);
      return c.json({ total_count: policies.length, branch_policies: page(c, policies) });
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
      const policy = { id: state.nextId(), name, type };
      branchPolicies.set(policy.id, policy);
      return c.json(view(policy));
    }),
  );
  app.get(
    `${base}/:id{[0-9]+}`,
    withEnvironment((c, { branchPolicies }) => {
      const policy = branchPolicies.get(idOf(c));
      return policy ? c.json(view(policy)) : notFound(c);
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
      return c.json(view({ ...old, name }));
    }),
  );
  app.delete(
    `${base}/:id{[0-9]+}`,
    withEnvironment((c, { branchPolicies }) => (branchPolicies.delete(idOf(c)) ? c.body(null, 204) : notFound(c))),
  );
}
