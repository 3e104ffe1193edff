/** Repository settings that only the stacks write: branch policies of an environment, rulesets, alerts, workflow token. */
import type { Context } from "hono";
import type { VendorApp } from "../vendor.ts";
import type { RepositoryOf } from "./git-routes.ts";
import { repositoryView } from "./repository-routes.ts";
import type { Environment, GithubState, Repository } from "./state.ts";
import { invalid, notFound, objectBody } from "./wire.ts";

/** Adds the routes. Settings are kept and shown back; none of them changes how the sandbox behaves. */
export function addSettings(app: VendorApp, state: GithubState, repositoryOf: RepositoryOf): void {
  const base = "/repos/:owner/:repo";
  const within = (handler: (c: Context, repository: Repository) => Response | Promise<Response>) => (c: Context) => {
    const repository = repositoryOf(c);
    return repository ? handler(c, repository) : notFound(c);
  };

  app.patch(
    base,
    within(async (c, repository) => {
      repository.settings = { ...repository.settings, ...(await objectBody(c)) };
      return c.json(repositoryView(state, repository));
    }),
  );
  app.put(
    `${base}/topics`,
    within(async (c, repository) => {
      const names = (await objectBody(c))?.["names"];
      if (!Array.isArray(names)) return invalid(c, "names is not a list");
      repository.topics = names.map(String);
      return c.json({ names: repository.topics });
    }),
  );
  addSwitch(app, `${base}/vulnerability-alerts`, repositoryOf, "vulnerabilityAlerts", (c, on) => (on ? c.body(null, 204) : notFound(c)));
  addSwitch(app, `${base}/automated-security-fixes`, repositoryOf, "securityFixes", (c, on) => c.json({ enabled: on, paused: false }));
  const workflow = `${base}/actions/permissions/workflow`;
  app.get(
    workflow,
    within((c, repository) =>
      c.json(
        repository.settings["workflow_permissions"] ?? { default_workflow_permissions: "write", can_approve_pull_request_reviews: false },
      ),
    ),
  );
  app.put(
    workflow,
    within(async (c, repository) => {
      repository.settings = { ...repository.settings, workflow_permissions: await objectBody(c) };
      return c.body(null, 204);
    }),
  );

  const rulesets = `${base}/rulesets`;
  const rulesetOf = (c: Context, repository: Repository) => repository.rulesets.get(Number(c.req.param("id")));
  const shown = (repository: Repository, id: number, body: Readonly<Record<string, unknown>>) => ({
    ...body,
    id,
    node_id: `RRS_${id}`,
    source: `${repository.owner}/${repository.name}`,
    source_type: "Repository",
  });
  app.post(
    rulesets,
    within(async (c, repository) => {
      const body = (await objectBody(c)) ?? {};
      if (typeof body["name"] !== "string") return invalid(c, "Name can't be blank");
      if ([...repository.rulesets.values()].some((ruleset) => ruleset["name"] === body["name"]))
        return invalid(c, "Validation Failed", ["Name must be unique"]);
      const id = state.nextId();
      const ruleset = shown(repository, id, body);
      repository.rulesets.set(id, ruleset);
      return c.json(ruleset, 201);
    }),
  );
  app.get(
    `${rulesets}/:id`,
    within((c, repository) => {
      const ruleset = rulesetOf(c, repository);
      return ruleset ? c.json(ruleset) : notFound(c);
    }),
  );
  app.put(
    `${rulesets}/:id`,
    within(async (c, repository) => {
      const known = rulesetOf(c, repository);
      if (!known) return notFound(c);
      const id = Number(known["id"]);
      const ruleset = shown(repository, id, { ...known, ...(await objectBody(c)) });
      repository.rulesets.set(id, ruleset);
      return c.json(ruleset);
    }),
  );
  app.delete(
    `${rulesets}/:id`,
    within((c, repository) => (repository.rulesets.delete(Number(c.req.param("id"))) ? c.body(null, 204) : notFound(c))),
  );

  addBranchPolicies(app, `${base}/environments/:environment/deployment-branch-policies`, state, (c) =>
    repositoryOf(c)?.environments.get((c.req.param("environment") ?? "").toLowerCase()),
  );
}

/** PUT switches on, DELETE off. */
function addSwitch(
  app: VendorApp,
  path: string,
  repositoryOf: RepositoryOf,
  field: "vulnerabilityAlerts" | "securityFixes",
  show: (c: Context, on: boolean) => Response,
): void {
  const write = (on: boolean) => (c: Context) => {
    const repository = repositoryOf(c);
    if (!repository) return notFound(c);
    repository[field] = on;
    return c.body(null, 204);
  };
  app.get(path, (c) => {
    const repository = repositoryOf(c);
    return repository ? show(c, repository[field]) : notFound(c);
  });
  app.put(path, write(true));
  app.delete(path, write(false));
}

/** Which branches and tags may deploy to an environment that says "custom". */
function addBranchPolicies(app: VendorApp, path: string, state: GithubState, environmentOf: (c: Context) => Environment | undefined): void {
  const within = (handler: (c: Context, environment: Environment) => Response | Promise<Response>) => (c: Context) => {
    const environment = environmentOf(c);
    return environment ? handler(c, environment) : notFound(c);
  };
  const policyOf = (c: Context, environment: Environment) => environment.branchPolicies.get(Number(c.req.param("id")));
  app.get(
    path,
    within((c, environment) => {
      const branch_policies = [...environment.branchPolicies.values()];
      return c.json({ total_count: branch_policies.length, branch_policies });
    }),
  );
  app.post(
    path,
    within(async (c, environment) => {
      const body = await objectBody(c);
      // GitHub's own answer when the environment takes every branch, or the protected ones.
      if (environment.branchPolicy?.custom_branch_policies !== true) return notFound(c);
      if (typeof body?.["name"] !== "string" || body["name"] === "") return invalid(c, "Name is invalid");
      const type = body["type"] === "tag" ? "tag" : "branch";
      const known = [...environment.branchPolicies.values()].find((policy) => policy.name === body["name"] && policy.type === type);
      const policy = known ?? { id: state.nextId(), name: body["name"], type };
      environment.branchPolicies.set(policy.id, policy);
      return c.json(policy);
    }),
  );
  app.get(
    `${path}/:id`,
    within((c, environment) => {
      const policy = policyOf(c, environment);
      return policy ? c.json(policy) : notFound(c);
    }),
  );
  app.put(
    `${path}/:id`,
    within(async (c, environment) => {
      const known = policyOf(c, environment);
      const name = (await objectBody(c))?.["name"];
      if (!known) return notFound(c);
      if (typeof name !== "string" || name === "") return invalid(c, "Name is invalid");
      const policy = { ...known, name };
      environment.branchPolicies.set(policy.id, policy);
      return c.json(policy);
    }),
  );
  app.delete(
    `${path}/:id`,
    within((c, environment) => (environment.branchPolicies.delete(Number(c.req.param("id"))) ? c.body(null, 204) : notFound(c))),
  );
}
