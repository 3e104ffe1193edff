/**
 * The GitHub side: the environment that holds the secrets and who may use it, and the floor of the repository that deploys. The
 * repository itself is the operator's: it is adopted, only its security settings are managed, and it can never be destroyed
 * from here. `GATEWAY_SECRET_LIVE` and every secret are left to `mcpist secrets`.
 */
import {
  type Construct,
  GithubProvider,
  Repository,
  RepositoryDependabotSecurityUpdates,
  RepositoryEnvironment,
  RepositoryEnvironmentDeploymentPolicy,
  RepositoryRuleset,
  WorkflowRepositoryPermissions,
} from "./cdktf.ts";
import { GITHUB_VERSION } from "./provider-versions.ts";
import type { Settings } from "./settings.ts";
import { McpistStack } from "./stack.ts";

/** Every argument of the repository that is the operator's business. */
const NOT_OURS: readonly string[] = [
  "allow_auto_merge",
  "allow_merge_commit",
  "allow_rebase_merge",
  "allow_squash_merge",
  "allow_update_branch",
  "archived",
  "auto_init",
  "delete_branch_on_merge",
  "description",
  "gitignore_template",
  "has_discussions",
  "has_downloads",
  "has_issues",
  "has_projects",
  "has_wiki",
  "homepage_url",
  "is_template",
  "license_template",
  "merge_commit_message",
  "merge_commit_title",
  "pages",
  "squash_merge_commit_message",
  "squash_merge_commit_title",
  "template",
  "topics",
  "visibility",
  "web_commit_signoff_required",
];

/** What pipelines may read of the repository. */
export type RepositoryOutputs = {
  /** Name of the environment; absent where secrets live in the repository itself. */
  readonly environment_name?: string;
};

/** Repository settings of one environment. */
export class RepositoryStack extends McpistStack {
  readonly outputs: RepositoryOutputs;

  constructor(scope: Construct, settings: Settings) {
    super(scope, "base", "repository", settings);
    const { github } = settings.environment;
    new GithubProvider(this, "github", { owner: github.owner });
    this.addOverride("terraform.required_providers.github.version", GITHUB_VERSION);
    const environment = github.scope === "environment" ? this.#environment() : null;
    // A rehearsal has a repository of its own with nothing to protect.
    if (!settings.local) this.#floor();
    this.outputs = this.publish(environment === null ? {} : { environment_name: environment });
  }

  #environment(): string {
    const { github, reviewers } = this.settings.environment;
    const environment = new RepositoryEnvironment(this, "environment", {
      repository: github.repo,
      environment: github.environment,
      canAdminsBypass: false,
      // A lone reviewer who may not review would be locked out of every deployment.
      preventSelfReview: reviewers.length > 1,
      deploymentBranchPolicy: { protectedBranches: false, customBranchPolicies: true },
      ...(reviewers.length > 0 ? { reviewers: [{ users: [...reviewers] }] } : {}),
    });
    new RepositoryEnvironmentDeploymentPolicy(this, "branches", {
      repository: github.repo,
      environment: environment.environment,
      branchPattern: "main",
    });
    return environment.environment;
  }

  #floor(): void {
    const { github, reviewers } = this.settings.environment;
    const paid = github.scope === "environment";
    const repository = new Repository(this, "repository", {
      name: github.repo,
      archiveOnDestroy: true,
      vulnerabilityAlerts: true,
      // Plans without environments have no secret scanning for private repositories either.
      ...(paid && github.secretScanning
        ? {
            securityAndAnalysis: {
              secretScanning: { status: "enabled" },
              secretScanningPushProtection: { status: "enabled" },
            },
          }
        : {}),
      lifecycle: { preventDestroy: true, ignoreChanges: [...NOT_OURS] },
    });
    repository.importFrom(github.repo);
    new RepositoryDependabotSecurityUpdates(this, "dependabot", { repository: repository.name, enabled: true });
    new WorkflowRepositoryPermissions(this, "workflow-token", {
      repository: repository.name,
      defaultWorkflowPermissions: "read",
      canApprovePullRequestReviews: false,
    });
    if (!paid) return;
    new RepositoryRuleset(this, "default-branch", {
      repository: repository.name,
      name: `mcpist ${this.settings.name}`,
      target: "branch",
      enforcement: "active",
      conditions: { refName: { include: ["~DEFAULT_BRANCH"], exclude: [] } },
      rules: {
        deletion: true,
        nonFastForward: true,
        pullRequest: {
          dismissStaleReviewsOnPush: true,
          requiredReviewThreadResolution: true,
          // One person cannot approve their own change.
          requiredApprovingReviewCount: reviewers.length > 1 ? 1 : 0,
          requireLastPushApproval: reviewers.length > 1,
        },
      },
    });
  }
}
