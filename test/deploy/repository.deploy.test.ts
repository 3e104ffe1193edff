/**
 * The repository stack of an environment of one's own, with the vendor's own Terraform provider against the sandbox's GitHub: what it
 * adopts, what it sets, that a second deploy changes nothing, and that it never destroys the repository.
 */
import { describe, expect, it } from "vitest";
import { SANDBOX_NAMES } from "../../contract/sandbox.ts";
import type { Installation } from "./installation.ts";
import { DEFAULT_MIRROR, mirrored } from "./mirror.ts";
import { done, opened, openedWithFirst, production, TIMEOUT_MS } from "./operator.ts";
import { CLIS, type DeployCli, ENGINES, IN_CI } from "./tools.ts";

const STACK = "base-repository";
const REPOSITORY = `/repos/${SANDBOX_NAMES.owner}/${SANDBOX_NAMES.repo}`;
const ABSENT = !mirrored(DEFAULT_MIRROR).has("github");

/** Asks the sandbox's GitHub, as its operator would. */
async function ask({ sandbox }: Installation, path: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${sandbox.context.tokens.github}`, "user-agent": "test" };
  const response = await fetch(sandbox.urls.github + REPOSITORY + path, { headers });
  return response.status === 204 || !response.ok ? response.status : response.json();
}

/** Changes it, as somebody would past Terraform. */
function change({ sandbox }: Installation, path: string, method: string, body?: object): Promise<Response> {
  return fetch(sandbox.urls.github + REPOSITORY + path, {
    method,
    headers: { authorization: `Bearer ${sandbox.context.tokens.github}`, "user-agent": "test" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
}

describe.skipIf(ENGINES.length === 0 || CLIS.length === 0 || (ABSENT && !IN_CI))(
  "the repository stack (skipped where terraform-provider-github is not built)",
  () => {
    it("has the vendor's provider", () => {
      expect(ABSENT).toBe(false);
    });

    it.each(ENGINES.map((engine) => [engine.name, engine] as const))(
      "%s adopts the repository, protects it, and changes nothing the second time",
      { timeout: TIMEOUT_MS },
      async (_name, engine) => {
        await opened(engine, CLIS[0] as DeployCli, async (installation) => {
          production(installation, { reviewers: [7, 8] });
          done(await installation.diff(STACK), "diff");
          done(await installation.checkPlans([STACK]), "policy over the first plan");
          done(await installation.deploy([STACK]), "deploy");
          expect(await ask(installation, "")).toMatchObject({
            security_and_analysis: {
              secret_scanning: { status: "enabled" },
              secret_scanning_push_protection: { status: "enabled" },
            },
          });
          expect(await ask(installation, "/vulnerability-alerts")).toBe(204);
          expect(await ask(installation, "/automated-security-fixes")).toMatchObject({ enabled: true });
          expect(await ask(installation, "/actions/permissions/workflow")).toEqual({
            default_workflow_permissions: "read",
            can_approve_pull_request_reviews: false,
          });
          expect(await ask(installation, "/rulesets")).toMatchObject([
            { name: "mcpist production", enforcement: "active" },
          ]);
          expect(await ask(installation, "/environments/production")).toMatchObject({
            can_admins_bypass: false,
            deployment_branch_policy: { protected_branches: false, custom_branch_policies: true },
          });

          done(await installation.apply([STACK]), "deploy again");
          expect(await installation.plan(STACK)).toBe("nothing");
          expect(await installation.checkStates([STACK])).toMatchObject({ exitCode: 0 });
          done(await installation.checkPlans([STACK]), "policy over a later plan");

          expect((await installation.destroy([STACK])).output).toContain("prevent_destroy");
          expect(await ask(installation, "")).toMatchObject({ name: SANDBOX_NAMES.repo });
        });
      },
    );

    it("sees what was changed by hand, and puts it back", { timeout: TIMEOUT_MS }, async () => {
      await openedWithFirst(async (installation) => {
        production(installation);
        done(await installation.apply([STACK]), "deploy");
        const byHand = await change(installation, "/actions/permissions/workflow", "PUT", {
          default_workflow_permissions: "write",
          can_approve_pull_request_reviews: true,
        });
        expect(byHand.status).toBe(204);
        // Whoever deletes the rules may push to the branch that deploys, and an environment for every branch gives its secrets to each.
        const [rules] = (await ask(installation, "/rulesets")) as readonly { readonly id: number }[];
        expect((await change(installation, `/rulesets/${rules?.id}`, "DELETE")).status).toBe(204);
        const open = { deployment_branch_policy: null, can_admins_bypass: true };
        expect((await change(installation, "/environments/production", "PUT", open)).status).toBe(200);
        const plan = await installation.plan(STACK);
        expect(plan).toContain("default_workflow_permissions");
        expect(plan).toMatch(/github_repository_ruleset\.default-branch will be created/);
        expect(plan).toMatch(/github_repository_environment\.environment will be updated/);
        done(await installation.apply([STACK]), "deploy again");
        expect(await installation.plan(STACK)).toBe("nothing");
        expect(await ask(installation, "/rulesets")).toMatchObject([
          { name: "mcpist production", enforcement: "active" },
        ]);
        expect(await ask(installation, "/environments/production")).toMatchObject({
          can_admins_bypass: false,
          deployment_branch_policy: { protected_branches: false, custom_branch_policies: true },
        });
        expect(await ask(installation, "/actions/permissions/workflow")).toMatchObject({
          default_workflow_permissions: "read",
        });

        // One more branch whose workflows may read the environment's secrets: no plan looks at what it did not make.
        const more = await change(installation, "/environments/production/deployment-branch-policies", "POST", {
          name: "*",
        });
        expect(more.status).toBe(200);
        expect(await installation.plan(STACK)).toBe("nothing");
        expect((await installation.drift()).output).toContain("environment production: branch pattern * is in no plan");
      });
    });
  },
);
