/**
 * The one door to the CDKTF library and its prebuilt providers. Every stack imports from here, so that a move to another
 * distribution of the same API changes this file and package.json only.
 */
export {
  App,
  AssetType,
  DataResource,
  LocalBackend,
  S3Backend,
  TerraformAsset,
  TerraformOutput,
  TerraformProvider,
  TerraformResource,
  TerraformStack,
} from "cdktf";
export type { TerraformMetaArguments } from "cdktf";
export type { Construct } from "constructs";
export { DataCloudflareWorkersScripts } from "@cdktf/provider-cloudflare/lib/data-cloudflare-workers-scripts/index.js";
export { DataCloudflareZone } from "@cdktf/provider-cloudflare/lib/data-cloudflare-zone/index.js";
export { CloudflareProvider } from "@cdktf/provider-cloudflare/lib/provider/index.js";
export { Ruleset } from "@cdktf/provider-cloudflare/lib/ruleset/index.js";
export { WorkersCronTrigger } from "@cdktf/provider-cloudflare/lib/workers-cron-trigger/index.js";
export { WorkersCustomDomain } from "@cdktf/provider-cloudflare/lib/workers-custom-domain/index.js";
export { WorkersKvNamespace } from "@cdktf/provider-cloudflare/lib/workers-kv-namespace/index.js";
export { WorkersScript, type WorkersScriptBindings } from "@cdktf/provider-cloudflare/lib/workers-script/index.js";
export { WorkersScriptSubdomain } from "@cdktf/provider-cloudflare/lib/workers-script-subdomain/index.js";
export { ZoneSetting } from "@cdktf/provider-cloudflare/lib/zone-setting/index.js";
export { GithubProvider } from "@cdktf/provider-github/lib/provider/index.js";
export { Repository } from "@cdktf/provider-github/lib/repository/index.js";
export { RepositoryDependabotSecurityUpdates } from "@cdktf/provider-github/lib/repository-dependabot-security-updates/index.js";
export { RepositoryEnvironment } from "@cdktf/provider-github/lib/repository-environment/index.js";
export { RepositoryEnvironmentDeploymentPolicy } from "@cdktf/provider-github/lib/repository-environment-deployment-policy/index.js";
export { RepositoryRuleset } from "@cdktf/provider-github/lib/repository-ruleset/index.js";
export { WorkflowRepositoryPermissions } from "@cdktf/provider-github/lib/workflow-repository-permissions/index.js";
