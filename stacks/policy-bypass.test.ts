/** Documents that someone would write to get past the policy, each beside the rule that must refuse it. */
import { describe, expect, it } from "vitest";
import { readDocument } from "./document.ts";
import { checkAll } from "./evaluate.ts";
import { RULES } from "./rules/all.ts";

/** Names of the rules that refuse a document, in the order of the policy. */
function refusedBy(content: unknown): readonly string[] {
  const document = readDocument(JSON.stringify(content));
  if (!document.ok) throw new Error(document.error);
  return [...new Set(checkAll(RULES, document.value).map(({ rule }) => rule.name))];
}

const resource = (type: string, values: unknown) => ({ resource: { [type]: { r: values } } });
const requires = (name: string, value: unknown) => ({ terraform: { required_providers: { [name]: value } } });

const script = (values: unknown) => resource("cloudflare_workers_script", values);
const machine = (values: Readonly<Record<string, unknown>>) =>
  resource("fly_machine", { image: "acme/origin:1", ...values });
const service = (definition: Readonly<Record<string, unknown>>) =>
  resource("koyeb_service", { definition: [{ ...ORIGIN, ...definition }] });
const setting = (id: string, value: unknown, zone_id: string = "z") => ({ setting_id: id, value, zone_id });

/** An origin at Koyeb with nothing wrong. */
const ORIGIN = {
  docker: [{ image: "acme/origin:1" }],
  env: ["A", "B"].map((slot) => ({
    key: `GATEWAY_SECRET_${slot}`,
    secret: `mcpist-x-gateway-secret-${slot.toLowerCase()}`,
  })),
  ports: [{ port: 8080, protocol: "http" }],
  routes: [{ path: "/", port: 8080 }],
};
const SLOT_A = { key: "GATEWAY_SECRET_A", secret: "mcpist-x-gateway-secret-a" };
/** It, with one more variable that a Koyeb secret fills. */
const borrowing = (key: string, secret: string) => service({ env: [...ORIGIN.env, { key, secret }] });
const DIGEST = "0123456789abcdef".repeat(4);
const HSTS = { strict_transport_security: { enabled: true, max_age: 63_072_000 } };
/** A zone with nothing wrong. */
const ZONE = {
  always: setting("always_use_https", "on"),
  header: setting("security_header", HSTS),
  ssl: setting("ssl", "strict"),
  tls: setting("min_tls_version", "1.2"),
};
const published = (settings: unknown) => ({
  resource: { cloudflare_workers_custom_domain: { hostname: { zone_id: "z" } }, cloudflare_zone_setting: settings },
});
const KOYEB_SECRET = { address: "data.koyeb_secret.a", mode: "data", type: "koyeb_secret" };
const plan = (parts: Readonly<Record<string, unknown>>) => ({
  format_version: "1.2",
  planned_values: { root_module: {} },
  ...parts,
});
/** A plan for one resource as the configuration and the plan have it. */
const planned = (type: string, expressions: unknown, values: unknown, after_unknown: unknown, more: unknown = {}) => {
  const names = { address: `${type}.r`, mode: "managed", type };
  return plan({
    planned_values: { root_module: { resources: [{ ...names, values }] } },
    resource_changes: [{ ...names, change: { after_unknown } }],
    configuration: { root_module: { resources: [{ ...names, expressions, ...(more as object) }] } },
  });
};

type Case = readonly [what: string, document: unknown];

describe("the policy refuses, by provider,", () => {
  it.each<Case>([
    ["patch releases that nobody chose", requires("fly", { source: "ampbase-io/fly", version: "~> 0.2.0" })],
    ["no version", requires("fly", { source: "ampbase-io/fly" })],
    ["another vendor's provider", requires("koyeb", { source: "koyeb-io/koyeb", version: "0.1.11" })],
    [
      "a registry of someone's own",
      requires("koyeb", { source: "registry.example.com/koyeb/koyeb", version: "0.1.11" }),
    ],
    ["a provider that no stack uses", requires("http", { source: "hashicorp/http", version: "3.5.0" })],
    ["a provider in use without any entry", resource("fly_app", { name: "mcpist-origin" })],
  ])("%s", (_what, document) => {
    expect(refusedBy(document)).toContain("pinned-providers");
  });
});

describe("the policy refuses, in place of what it reads,", () => {
  it.each<Case>([
    ["a dynamic port at Fly", machine({ dynamic: { service: { for_each: [80], content: { port: [{ port: 80 }] } } } })],
    [
      "a dynamic variable at Koyeb",
      service({ dynamic: { env: { for_each: [1], content: { key: "GATEWAY_SECRET", value: "x" } } } }),
    ],
    [
      "a dynamic port at Koyeb",
      service({ dynamic: [{ ports: { for_each: [22], content: { port: 22, protocol: "tcp" } } }] }),
    ],
    ["bindings as one expression", script({ bindings: '${[{ name = "S", type = "secret_text", text = "x" }]}' })],
    ["bindings as a list of expressions", script({ bindings: ["${data.cloudflare_zone.zone.binding}"] })],
    ["a provisioner", machine({ provisioner: { "local-exec": { command: "env" } } })],
    ["no resource at all, by count", resource("cloudflare_zone_setting", { ...setting("ssl", "strict"), count: 0 })],
    [
      "a second resource of the same name",
      { resource: { fly_app: { r: [{ name: "a" }, { name: "b", for_each: [1] }] } } },
    ],
    ["a file in a machine", machine({ file: [{ guest_path: "/a", raw_value: "hunter2" }] })],
    ["a build from a repository", service({ git: [{ repository: "github.com/other/origin" }] })],
    ["an argument that only a plan shows", planned("fly_machine", { file: [{}] }, {}, {})],
    [
      "a provisioner that only a plan shows",
      planned("fly_app", {}, {}, {}, { provisioners: [{ type: "local-exec" }] }),
    ],
    [
      "bindings that a plan does not know",
      planned("cloudflare_workers_script", { bindings: {} }, {}, { bindings: true }),
    ],
    [
      "a binding that a plan does not know",
      planned("cloudflare_workers_script", { bindings: {} }, {}, { bindings: [true] }),
    ],
  ])("%s", (_what, document) => {
    expect(refusedBy(document)).toContain("known-arguments");
  });

  it.each<Case>([
    ["a text from functions", machine({ env: { PORT: '${join("", ["0123", "4567"])}' } })],
    ["a text from templates", machine({ env: { PORT: '${"0123"}${"4567"}' } })],
    ["a template in an expression", machine({ env: { PORT: '${"0123${"4567"}"}' } })],
    ["a text around an expression", machine({ env: { PORT: "0123${fly_app.r.name}" } })],
    ["a text in escapes", machine({ env: { PORT: '${"\\u0030"}' } })],
    ["a directive", machine({ env: { PORT: "%{ if true }0123%{ endif }" } })],
    ["a file of this machine", resource("terraform_data", { input: { id: '${file("~/.netrc")}' } })],
    ["a name from an expression", resource("cloudflare_zone_setting", { value: { '${"a"}': 1 } })],
  ])("%s", (_what, document) => {
    expect(refusedBy(document)).toContain("plain-expressions");
  });
});

describe("the policy refuses, wherever it stands,", () => {
  it.each<Case>([
    [
      "a secret that a plan has read before",
      plan({ prior_state: { values: { root_module: { resources: [KOYEB_SECRET] } } } }),
    ],
    ["a secret that a plan will read", plan({ resource_changes: [KOYEB_SECRET] })],
    ["a secret in a plan's configuration", plan({ configuration: { root_module: { resources: [KOYEB_SECRET] } } })],
    ["a secret in a list of sections", { resource: [{ fly_app: {} }, { koyeb_secret: { a: {} } }] }],
    ["a secret in a list of lists", { resource: [[{ koyeb_secret: [[{ a: [[{}]] }]] }]] }],
    [
      "a binding in a list of lists",
      script([[{ keep_bindings: ["secret_text"] }, { bindings: [[{ name: "S", type: "secret_text" }]] }]]),
    ],
    ["a secret in a list of types", { data: { koyeb_secret: [{ a: {} }] } }],
    [
      "a variable called like a secret",
      resource("github_actions_variable", { variable_name: "GATEWAY_SECRET_A", value: "x" }),
    ],
    ["a binding that may hold anything", script({ bindings: [{ name: "S", type: "json" }] })],
    ["a text beside the configuration", script({ bindings: [{ name: "S", type: "plain_text", text: "hunter2" }] })],
  ])("%s", (_what, document) => {
    expect(refusedBy(document)).toContain("no-secret-resource");
  });

  it.each<Case>([
    ["a program", { data: { external: { e: { program: ["sh"] } } } }],
    ["another state", { data: { terraform_remote_state: { s: { backend: "local" } } } }],
    ["a key that may write", resource("github_repository_deploy_key", { read_only: false })],
    ["every action of the marketplace", resource("github_actions_repository_permissions", { allowed_actions: "all" })],
    [
      "another state in a plan",
      plan({ resource_changes: [{ address: "data.a.b", mode: "data", type: "terraform_remote_state" }] }),
    ],
  ])("%s", (_what, document) => {
    expect(refusedBy(document)).toContain("known-types");
  });

  it.each<Case>([
    ["a module", { module: { m: { source: "./m" } } }],
    ["a module in a list", { terraform: {}, module: [{ m: { source: "./m" } }] }],
    ["a variable with a default", { terraform: {}, variable: { v: { sensitive: true, default: "hunter2" } } }],
    ["a local value", { locals: { a: "hunter2" } }],
    ["a sensitive output", { output: { o: { sensitive: true, value: "${fly_app.a.name}" } } }],
    ["an output with a text of its own", { output: { o: { value: "hunter2" } } }],
    ["an import for each", { import: [{ to: "fly_app.a", id: "a", for_each: ["a"] }] }],
    ["a state at a service", { terraform: { cloud: { organization: "acme" } } }],
    ["a state behind any address", { terraform: { backend: { http: { address: "https://state.example.com" } } } }],
    ["a variable in a plan", plan({ variables: { v: { value: "hunter2" } } })],
    ["a module in a plan", plan({ configuration: { root_module: { module_calls: { m: {} } } } })],
    ["a sensitive output in a plan", plan({ planned_values: { outputs: { o: { sensitive: true, value: "x" } } } })],
    [
      "a module in a state",
      { format_version: "1.0", values: { root_module: { child_modules: [{ address: "module.m" }] } } },
    ],
    [
      "a sensitive output in a state",
      { format_version: "1.0", values: { outputs: { o: { sensitive: true, value: "x" } } } },
    ],
  ])("%s", (_what, document) => {
    expect(refusedBy(document)).toContain("known-sections");
  });

  it.each<Case>([
    ["an app's key", { provider: { github: { owner: "acme", app_auth: [{ pem_file: "x" }] } } }],
    ["a customer's key", { terraform: { backend: { s3: { bucket: "b", sse_customer_key: "x" } } } }],
    ["a token", { provider: { cloudflare: [{ email: "a@example.com", api_token: "x" }] } }],
    ["a header", { provider: { fly: { headers: { authorization: "x" } } } }],
    [
      "a nested credential",
      { terraform: { backend: { s3: { endpoints: { s3: "https://r2.example.com", sso: "x" } } } } },
    ],
    [
      "an app's key in a plan",
      plan({ configuration: { provider_config: { github: { expressions: { app_auth: [{}] } } } } }),
    ],
  ])("%s", (_what, document) => {
    expect(refusedBy(document)).toContain("no-credentials");
  });
});

describe("the policy lets go", () => {
  const leaving = (actions: readonly string[]) => {
    const names = { address: "koyeb_secret.old", mode: "managed", type: "koyeb_secret" };
    return plan({
      prior_state: { values: { root_module: { resources: [{ ...names, values: {} }] } } },
      resource_changes: [{ ...names, change: { actions } }],
    });
  };

  it("of a resource that a plan only takes away", () => {
    expect(refusedBy(leaving(["delete"]))).toEqual([]);
  });

  it.each([[["delete", "create"]], [["create"]], [["update"]], [["no-op"]], [[]]])(
    "of nothing that stays or comes: %j",
    (actions) => {
      expect(refusedBy(leaving(actions))).toContain("known-types");
    },
  );
});

describe("the policy refuses, wherever it leads,", () => {
  const ruleset = (conditions: unknown) =>
    resource("github_repository_ruleset", {
      enforcement: "active",
      rules: { deletion: true, non_fast_forward: true },
      conditions,
    });

  it.each<Case>([
    ["a provider's address without TLS", { provider: { fly: [{ base_url: "http://collector.example" }] } }],
    [
      "a state that is sent without TLS",
      { terraform: { backend: { s3: { endpoints: { s3: "http://bucket.example" } } } } },
    ],
    ["a file of this machine as the Worker", script({ content_file: "/etc/passwd" })],
    ["a file above the synthesis as the Worker", script({ content_file: "assets/bundle/../../../terraform.tfstate" })],
  ])("%s", (_what, document) => {
    expect(refusedBy(document)).toContain("own-places");
  });

  it.each<Case>([
    ["a ruleset for another branch", ruleset({ ref_name: { include: ["refs/heads/nobody"], exclude: [] } })],
    [
      "a ruleset that leaves the default branch out",
      ruleset({ ref_name: { include: ["~DEFAULT_BRANCH"], exclude: ["~DEFAULT_BRANCH"] } }),
    ],
    ["a ruleset without a branch", ruleset(undefined)],
    [
      "secret scanning that is switched off",
      resource("github_repository", {
        lifecycle: { prevent_destroy: true },
        security_and_analysis: { secret_scanning: { status: "disabled" } },
      }),
    ],
  ])("%s", (_what, document) => {
    expect(refusedBy(document)).toContain("least-scopes");
  });
});

describe("the policy refuses, whatever it is called,", () => {
  it.each<Case>([
    ["a digest's name in an origin", machine({ env: { etag: DIGEST } })],
    ["a digest's name at any depth", script({ observability: { content_sha256: DIGEST } })],
    ["a fingerprint elsewhere", resource("fly_app", { fingerprint: DIGEST })],
    ["a name that is the value", machine({ env: { [DIGEST]: "1" } })],
    [
      "a digest's name in an output",
      { format_version: "1.0", values: { outputs: { resources: { value: { a: { values: { etag: DIGEST } } } } } } },
    ],
  ])("%s", (_what, document) => {
    expect(refusedBy(document)).toContain("no-secret-value");
  });

  it("a name that is the value, without printing it", () => {
    const document = readDocument(JSON.stringify(machine({ env: { [DIGEST]: "1" } })));
    const findings = document.ok ? checkAll(RULES, document.value).map(({ finding }) => finding) : [];
    expect(findings.length).toBeGreaterThan(0);
    expect(findings.join("\n")).not.toContain(DIGEST);
  });

  it.each<Case>([
    ["a password", machine({ env: { DB_PASSWORD: "hunter2" } })],
    ["a key of a service", machine({ env: { STRIPE_API_KEY: "hunter2" } })],
    ["a password in a configuration", machine({ env: { MCPIST_CONFIG: '{"database":{"password":"hunter2"}}' } })],
    ["a file's content", machine({ file: [{ guest_path: "/a", raw_value: "hunter2" }] })],
    [
      "a variable at GitHub",
      resource("github_actions_variable", { variable_name: "GATEWAY_SECRET_A", value: "hunter2" }),
    ],
    ["a variable at Koyeb", service({ env: [{ key: "SMTP_PASSWORD", value: "hunter2" }] })],
    ["a value where a name must stand", service({ env: [{ key: "GATEWAY_SECRET_A", secret: "hunter2" }] })],
    ["an output in a state", { format_version: "1.0", values: { outputs: { db_password: { value: "hunter2" } } } }],
    ["a list of tokens", resource("terraform_data", { input: { tokens: ["hunter2"] } })],
    ["a value in a plan's configuration", planned("fly_machine", { token: { constant_value: "hunter2" } }, {}, {})],
  ])("%s", (_what, document) => {
    expect(refusedBy(document)).toContain("no-telling-names");
  });

  it.each<Case>([
    ["any variable at Fly", machine({ env: { ANYTHING: "hunter2" } })],
    ["any variable at Koyeb", service({ env: [...ORIGIN.env, { key: "ANYTHING", value: "hunter2" }] })],
    ["one's own variable from another's secret", borrowing("ANYTHING", "mcpist-x-other")],
    ["a slot under another name", borrowing("A", "mcpist-x-gateway-secret-a")],
    ["a slot by the end of its name", borrowing("SECRET_B", "mcpist-x-gateway-secret-b")],
    ["a secret of another environment", borrowing("ANYTHING", "mcpist-y-anything")],
    ["a built-in secret of another environment", borrowing("DATABASE_URL", "mcpist-y-database-url")],
    ["a built-in name for another secret", borrowing("BROKER_SECRET", "mcpist-x-database-url")],
    ["a built-in name for a secret of somebody else", borrowing("DATABASE_URL", "billing-database-url")],
    ["a mark that is a secret", borrowing("DATABASE_URL_MARK", "mcpist-x-database-url")],
    ["both slots from one secret", service({ env: [SLOT_A, { key: "GATEWAY_SECRET_B", secret: SLOT_A.secret }] })],
    [
      "both slots of another environment",
      service({ env: [...ORIGIN.env, { key: "MCPIST_CONFIG", value: '{"environment":"y"}' }] }),
    ],
    ["slots under names of nobody", service({ env: ORIGIN.env.map(({ key }) => ({ key, secret: "a" })) })],
    ["a secret that mcpist does not write", borrowing("ANYTHING", "anything")],
    ["a variable of the system", borrowing("NODE_OPTIONS", "mcpist-x-node-options")],
    ["a variable in small letters", borrowing("anything", "mcpist-x-anything")],
  ])("%s", (_what, document) => {
    expect(refusedBy(document)).toContain("slots-by-name");
  });

  it.each([
    ["DATABASE_URL", "mcpist-x-database-url"],
    ["REQUEST_STATE_KEY_MARK", "mcpist-x-request-state-key-mark"],
  ])("and accepts a built-in secret by its whole name: %s", (key, secret) => {
    expect(refusedBy(borrowing(key, secret))).not.toContain("slots-by-name");
  });

  it("and accepts an environment of one's own that is rehearsed in the sandbox, with its own secrets alone", () => {
    const rehearsed = { key: "MCPIST_CONFIG", value: '{"environment":"sandbox"}' };
    const other = { key: "DATABASE_URL", secret: "mcpist-y-database-url" };
    expect(refusedBy(service({ env: [...ORIGIN.env, rehearsed] }))).not.toContain("slots-by-name");
    expect(refusedBy(service({ env: [...ORIGIN.env, rehearsed, other] }))).toContain("slots-by-name");
  });

  it("and accepts one's own secret by its own name", () => {
    expect(refusedBy(borrowing("MY_DATABASE_URL", "mcpist-x-my-database-url"))).not.toContain("slots-by-name");
  });
});

describe("the policy refuses, by setting,", () => {
  it("nothing of a zone and an origin with nothing wrong", () => {
    expect(refusedBy(published(ZONE))).toEqual(["pinned-providers"]);
    expect(refusedBy(service({}))).toEqual(["pinned-providers"]);
  });

  it.each<readonly [what: string, rule: string, document: unknown]>([
    [
      "HSTS for no time",
      "tls-minimum",
      published({
        ...ZONE,
        header: setting("security_header", { strict_transport_security: { enabled: true, max_age: 0 } }),
      }),
    ],
    [
      "HSTS for 179 days",
      "tls-minimum",
      published({
        ...ZONE,
        header: setting("security_header", { strict_transport_security: { enabled: true, max_age: 179 * 86_400 } }),
      }),
    ],
    [
      "HSTS that something else enables",
      "tls-minimum",
      published({ ...ZONE, header: setting("security_header", { other: { enabled: true } }) }),
    ],
    [
      "the settings of another zone",
      "tls-minimum",
      published({ ...ZONE, tls: setting("min_tls_version", "1.2", "other") }),
    ],
    [
      "a setting that another one undoes",
      "tls-minimum",
      published({ ...ZONE, again: setting("min_tls_version", "1.0") }),
    ],
    [
      "a port without TLS",
      "tls-minimum",
      machine({ service: [{ internal_port: 8080, port: [{ port: 443, handlers: ["http"] }] }] }),
    ],
    [
      "a second service of a machine",
      "no-public-side-door",
      machine({
        service: [8080, 9090].map((internal_port) => ({ internal_port, port: [{ port: 443, handlers: ["tls"] }] })),
      }),
    ],
    ["a route past the origin", "no-public-side-door", service({ routes: [{ path: "/", port: 9090 }] })],
    ["a port that is not the origin's", "no-public-side-door", service({ ports: [{ port: 9090, protocol: "http" }] })],
    ["a TCP port", "no-public-side-door", service({ ports: [{ port: 8080, protocol: "tcp" }] })],
    [
      "previews by expression",
      "no-public-side-door",
      resource("cloudflare_workers_script_subdomain", { enabled: false, previews_enabled: "${true}" }),
    ],
    [
      "a rule that lets requests pass",
      "no-public-side-door",
      resource("cloudflare_ruleset", { rules: [{ action: "skip" }] }),
    ],
    ["a build from a repository", "explicit-image", service({ git: [{ repository: "github.com/other/origin" }] })],
    ["no image", "explicit-image", service({ docker: [] })],
    [
      "every branch by pattern",
      "least-scopes",
      resource("github_repository_environment_deployment_policy", { branch_pattern: "*" }),
    ],
    [
      "every tag by pattern",
      "least-scopes",
      resource("github_repository_environment_deployment_policy", { tag_pattern: "*" }),
    ],
    [
      "every branch by a policy that names none",
      "least-scopes",
      resource("github_repository_environment", {
        can_admins_bypass: false,
        deployment_branch_policy: { protected_branches: false, custom_branch_policies: false },
      }),
    ],
    [
      "a branch whose history can be rewritten",
      "least-scopes",
      resource("github_repository_ruleset", { enforcement: "active", rules: { deletion: true } }),
    ],
    [
      "an ignored list of kept bindings",
      "nothing-ignored",
      script({ keep_bindings: ["secret_text"], lifecycle: { ignore_changes: ["keep_bindings"] } }),
    ],
    [
      "everything ignored",
      "nothing-ignored",
      resource("github_repository", { lifecycle: { prevent_destroy: true, ignore_changes: "all" } }),
    ],
    [
      "an ignored setting of the repository",
      "nothing-ignored",
      resource("github_repository", {
        vulnerability_alerts: true,
        lifecycle: { ignore_changes: ["vulnerability_alerts"] },
      }),
    ],
  ])("%s", (_what, rule, document) => {
    expect(refusedBy(document)).toContain(rule);
  });
});

describe("a document with the same key twice", () => {
  it("is no document, because Terraform would merge what a reader sees once", () => {
    expect(readDocument('{"data":{"koyeb_secret":{"a":{}}},"data":{}}')).toEqual({
      ok: false,
      error: "has an object with the same key twice",
    });
  });
});
