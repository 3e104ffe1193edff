/**
 * What the stacks may say, as data: every type of resource and data source with all of its arguments. What is not here is refused,
 * so that a new type or argument is looked at by a person before it reaches an account.
 */

/**
 * `plain`: text, number, switch, or a list of them. `open`: anything. An object: a block, written as one or as a list, with exactly
 * these arguments; never an expression, because a rule could not look inside.
 */
export type Shape = "plain" | "open" | { readonly [argument: string]: Shape };
type Arguments = { readonly [argument: string]: Shape };

const plain = (...names: readonly string[]): Arguments => Object.fromEntries(names.map((name) => [name, "plain"]));

/** Arguments that Terraform itself takes, for every resource. Counting is none of them: a rule reads each resource as one. */
export const META: Arguments = {
  "//": "open",
  depends_on: "plain",
  lifecycle: plain("create_before_destroy", "ignore_changes", "prevent_destroy", "replace_triggered_by"),
};

/** Managed resources by type. */
const RESOURCES: Readonly<Record<string, Arguments>> = {
  cloudflare_ruleset: {
    ...plain("kind", "name", "phase", "zone_id"),
    rules: {
      ...plain("action", "description", "enabled", "expression", "ref"),
      ratelimit: plain("characteristics", "mitigation_timeout", "period", "requests_per_period"),
    },
  },
  cloudflare_workers_cron_trigger: { ...plain("account_id", "script_name"), schedules: plain("cron") },
  cloudflare_workers_custom_domain: plain("account_id", "hostname", "service", "zone_id"),
  cloudflare_workers_kv_namespace: plain("account_id", "title"),
  cloudflare_workers_script: {
    ...plain(
      "account_id",
      "compatibility_date",
      "content_file",
      "content_sha256",
      "keep_bindings",
      "main_module",
      "script_name",
    ),
    bindings: { ...plain("class_name", "name", "namespace_id", "text", "type"), simple: plain("limit", "period") },
    // An expression on purpose: it leaves with the second upload.
    migrations: "open",
    observability: {
      ...plain("enabled", "head_sampling_rate"),
      logs: plain("enabled", "head_sampling_rate", "invocation_logs"),
    },
  },
  cloudflare_workers_script_subdomain: plain("account_id", "enabled", "previews_enabled", "script_name"),
  cloudflare_zone_setting: { ...plain("setting_id", "zone_id"), value: "open" },
  fly_app: plain("name"),
  fly_cert: plain("app", "hostname"),
  fly_ip: plain("app", "type"),
  fly_machine: {
    ...plain("app", "image", "name", "region"),
    env: plain("MCPIST_CONFIG", "PORT"),
    guest: plain("cpu_kind", "cpus", "memory_mb"),
    metadata: plain("fly_platform_version", "fly_process_group"),
    restart: plain("policy"),
    service: {
      ...plain("autostart", "autostop", "internal_port", "protocol"),
      check: plain("interval", "method", "path", "port", "timeout", "type"),
      port: plain("handlers", "port"),
    },
  },
  github_repository: {
    ...plain("archive_on_destroy", "name", "vulnerability_alerts"),
    security_and_analysis: { secret_scanning: plain("status"), secret_scanning_push_protection: plain("status") },
  },
  github_repository_dependabot_security_updates: plain("enabled", "repository"),
  github_repository_environment: {
    ...plain("can_admins_bypass", "environment", "prevent_self_review", "repository"),
    deployment_branch_policy: plain("custom_branch_policies", "protected_branches"),
    reviewers: plain("users"),
  },
  github_repository_environment_deployment_policy: plain("branch_pattern", "environment", "repository"),
  github_repository_ruleset: {
    ...plain("enforcement", "name", "repository", "target"),
    conditions: { ref_name: plain("exclude", "include") },
    rules: {
      ...plain("deletion", "non_fast_forward"),
      pull_request: plain(
        "dismiss_stale_reviews_on_push",
        "require_last_push_approval",
        "required_approving_review_count",
        "required_review_thread_resolution",
      ),
    },
  },
  github_workflow_repository_permissions: plain(
    "can_approve_pull_request_reviews",
    "default_workflow_permissions",
    "repository",
  ),
  koyeb_app: plain("name"),
  koyeb_service: {
    app_name: "plain",
    definition: {
      ...plain("name", "regions", "type"),
      docker: plain("image"),
      env: plain("key", "secret", "value"),
      health_checks: {
        ...plain("grace_period", "interval", "restart_limit", "timeout"),
        http: plain("method", "path", "port"),
      },
      instance_types: plain("type"),
      ports: plain("port", "protocol"),
      routes: plain("path", "port"),
      scalings: plain("max", "min"),
    },
  },
  terraform_data: { input: "plain", triggers_replace: plain("fingerprint", "kv") },
};

/** Data sources by type. */
const DATA_SOURCES: Readonly<Record<string, Arguments>> = {
  cloudflare_workers_scripts: plain("account_id"),
  cloudflare_zone: { filter: { name: "plain", account: plain("id") } },
};

/** Arguments of a type; null for a type that no stack uses. */
export function argumentsOf(mode: "managed" | "data", type: string): Arguments | null {
  const known = mode === "data" ? DATA_SOURCES : RESOURCES;
  return Object.hasOwn(known, type) ? (known[type] ?? null) : null;
}
