/** Nobody and nothing gets more than it needs: who may deploy, what a workflow may do, what a container may do. */
import { blocks } from "../document.ts";
import type { Rule } from "./rule.ts";

export const leastScopes: Rule = {
  name: "least-scopes",
  why: "every permission that is not needed is one that a stolen token has",
  check: (document) =>
    document.resources.flatMap(({ address, mode, type, values }) => {
      if (mode === "data") return [];
      const found: string[] = [];
      const refuse = (bad: boolean, what: string) => {
        if (bad) found.push(`${address}: ${what}`);
      };
      if (type === "github_repository_environment") {
        const chosen = blocks(values, "deployment_branch_policy").some(
          (policy) => (policy["protected_branches"] === true) !== (policy["custom_branch_policies"] === true),
        );
        refuse(!chosen, "every branch may deploy");
        refuse(values["can_admins_bypass"] !== false, "administrators may deploy without review");
      }
      if (type === "github_repository_environment_deployment_policy") {
        const { branch_pattern: branch } = values;
        refuse(typeof branch !== "string" || !/^[\w./-]+$/.test(branch), "branches may deploy that nobody named");
      }
      if (type === "github_repository_ruleset") {
        const rules = blocks(values, "rules");
        refuse(
          !rules.some(({ deletion, non_fast_forward }) => deletion === true && non_fast_forward === true),
          "history can be rewritten",
        );
        refuse(values["enforcement"] !== "active", "the ruleset is not enforced");
        const branches = blocks(values, "conditions").flatMap((condition) => blocks(condition, "ref_name"));
        const covers = branches.some(({ include, exclude }) => {
          const named = Array.isArray(include) && include.includes("~DEFAULT_BRANCH");
          return (
            named && (exclude === undefined || exclude === null || (Array.isArray(exclude) && exclude.length === 0))
          );
        });
        refuse(!covers, "the ruleset leaves the default branch out");
        refuse(blocks(values, "bypass_actors").length > 0, "someone may bypass the ruleset");
      }
      if (type === "github_workflow_repository_permissions") {
        refuse(values["default_workflow_permissions"] !== "read", "workflows may write by default");
        refuse(
          ![false, null, undefined].includes(values["can_approve_pull_request_reviews"] as boolean),
          "workflows may approve pull requests",
        );
      }
      if (type === "github_repository") {
        const protectedOnes = blocks(values, "lifecycle").some(({ prevent_destroy }) => prevent_destroy === true);
        // A plan or state does not show the lifecycle of a resource.
        refuse(document.kind === "synth" && !protectedOnes, "the operator's repository could be destroyed");
        const disabled = blocks(values, "security_and_analysis")
          .flatMap((analysis) =>
            ["secret_scanning", "secret_scanning_push_protection"].flatMap((name) => blocks(analysis, name)),
          )
          .some(({ status }) => status !== "enabled");
        // A state shows what the repository is; only what is asked for is a decision.
        refuse(document.kind === "synth" && disabled, "secret scanning is switched off");
      }
      if (type === "koyeb_service")
        for (const definition of blocks(values, "definition"))
          refuse(
            blocks(definition, "docker").some(({ privileged }) => privileged === true),
            "the container is privileged",
          );
      return found;
    }),
  examples: {
    accepted: {
      resource: {
        github_repository: { repository: { lifecycle: { prevent_destroy: true } } },
        github_repository_environment: {
          production: {
            can_admins_bypass: false,
            deployment_branch_policy: { protected_branches: false, custom_branch_policies: true },
          },
        },
        github_repository_environment_deployment_policy: { branches: { branch_pattern: "main" } },
        github_repository_ruleset: {
          main: {
            enforcement: "active",
            rules: { deletion: true, non_fast_forward: true },
            conditions: { ref_name: { include: ["~DEFAULT_BRANCH"], exclude: [] } },
          },
        },
        github_workflow_repository_permissions: { token: { default_workflow_permissions: "read" } },
      },
    },
    refused: { resource: { github_repository_environment: { production: { can_admins_bypass: false } } } },
  },
};
