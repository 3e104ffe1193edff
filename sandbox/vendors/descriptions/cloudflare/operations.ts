/**
 * Cloudflare's API as far as it is imitated, in the project's own words and held against the client `cloudflare` by the compiler.
 * Read in tests only: see ../hook.ts.
 */
import type { Description, Operation } from "../check.ts";
import { enveloped, operation, type Client } from "./described.ts";

type Scripts = Client["workers"]["scripts"];
type Kv = Client["kv"]["namespaces"];

const PAGES = { page: "number", per_page: "number" } as const;
const SOURCE = {
  enum: [
    "unknown",
    "api",
    "wrangler",
    "terraform",
    "dash",
    "cf_cli",
    "dash_template",
    "integration",
    "quick_editor",
    "playground",
    "workersci",
  ],
} as const;
const USAGE = { enum: ["bundled", "unbound", "standard"] } as const;
const CONSUMERS = { list: "any" } as const;

const NAMED_HANDLERS = { list: { fields: { name: "string", handlers: { list: "string" } } } } as const;
/** Settings that are not versioned. */
const SETTINGS = {
  logpush: "boolean",
  observability: "any",
  tags: { list: "string" },
  tail_consumers: CONSUMERS,
} as const;
const RUNTIME = { compatibility_date: "string", compatibility_flags: { list: "string" }, usage_model: USAGE } as const;
const SCRIPT = {
  fields: {
    ...SETTINGS,
    ...RUNTIME,
    id: "string",
    tag: "string",
    etag: "string",
    handlers: { list: "string" },
    named_handlers: NAMED_HANDLERS,
    created_on: "string",
    modified_on: "string",
    has_assets: "boolean",
    has_modules: "boolean",
    last_deployed_from: "string",
    migration_tag: "string",
    placement_mode: { enum: ["smart", "targeted"] },
  },
} as const;
const UPLOADED = { fields: { ...SCRIPT.fields, startup_time_ms: "number" } } as const;

const scripts: readonly Operation[] = [
  operation<Scripts["list"]>()("GET", "/accounts/{account_id}/workers/scripts", {
    query: { tags: "string" },
    result: { list: SCRIPT },
  }),
  operation<Scripts["update"]>()("PUT", "/accounts/{account_id}/workers/scripts/{script}", { result: UPLOADED }),
  operation<Scripts["get"]>()("GET", "/accounts/{account_id}/workers/scripts/{script}", {}),
  operation<Scripts["delete"]>()("DELETE", "/accounts/{account_id}/workers/scripts/{script}", {
    query: { force: "boolean" },
  }),
  operation<Scripts["content"]["get"]>()("GET", "/accounts/{account_id}/workers/scripts/{script}/content/v2", {}),
  operation<Scripts["scriptAndVersionSettings"]["get"]>()(
    "GET",
    "/accounts/{account_id}/workers/scripts/{script}/settings",
    {
      result: {
        fields: { ...SETTINGS, ...RUNTIME, bindings: { list: "any" }, limits: "any", placement: "any" },
      },
    },
  ),
  operation<Scripts["settings"]["get"]>()("GET", "/accounts/{account_id}/workers/scripts/{script}/script-settings", {
    result: { fields: SETTINGS },
  }),
  operation<Scripts["settings"]["edit"]>()("PATCH", "/accounts/{account_id}/workers/scripts/{script}/script-settings", {
    body: { fields: SETTINGS },
    result: { fields: SETTINGS },
  }),
  operation<Scripts["subdomain"]["get"]>()("GET", "/accounts/{account_id}/workers/scripts/{script}/subdomain", {
    result: { fields: { enabled: "boolean", previews_enabled: "boolean" } },
  }),
  operation<Scripts["subdomain"]["create"]>()("POST", "/accounts/{account_id}/workers/scripts/{script}/subdomain", {
    body: { fields: { enabled: "boolean", previews_enabled: "boolean" } },
    result: { fields: { enabled: "boolean", previews_enabled: "boolean" } },
  }),
  operation<Scripts["subdomain"]["delete"]>()("DELETE", "/accounts/{account_id}/workers/scripts/{script}/subdomain", {
    result: { fields: { enabled: "boolean", previews_enabled: "boolean" } },
  }),
  operation<Scripts["schedules"]["get"]>()("GET", "/accounts/{account_id}/workers/scripts/{script}/schedules", {
    result: {
      fields: { schedules: { list: { fields: { cron: "string", created_on: "string", modified_on: "string" } } } },
    },
  }),
  operation<Scripts["schedules"]["update"]>()("PUT", "/accounts/{account_id}/workers/scripts/{script}/schedules", {
    body: { list: { fields: { cron: "string" } } },
    result: {
      fields: { schedules: { list: { fields: { cron: "string", created_on: "string", modified_on: "string" } } } },
    },
  }),
  operation<Client["workers"]["subdomains"]["get"]>()("GET", "/accounts/{account_id}/workers/subdomain", {
    result: { fields: { subdomain: "string" } },
  }),
  operation<Client["durableObjects"]["namespaces"]["list"]>()(
    "GET",
    "/accounts/{account_id}/workers/durable_objects/namespaces",
    {
      query: PAGES,
      result: {
        list: { fields: { id: "string", name: "string", script: "string", class: "string", use_sqlite: "boolean" } },
      },
    },
  ),
  operation<Client["workers"]["beta"]["workers"]["get"]>()("GET", "/accounts/{account_id}/workers/workers/{worker}", {
    result: {
      fields: {
        id: "string",
        name: "string",
        created_on: "string",
        updated_on: "string",
        deployed_on: "string",
        logpush: "boolean",
        observability: "any",
        subdomain: { fields: { enabled: "boolean", previews_enabled: "boolean" } },
        tags: { list: "string" },
        tail_consumers: CONSUMERS,
        references: {
          fields: {
            domains: { list: "any" },
            durable_objects: { list: "any" },
            queues: { list: "any" },
            workers: { list: "any" },
            dispatch_namespace_outbounds: { list: "any" },
          },
        },
      },
    },
  }),
];

const VERSION_ITEM = {
  id: "string",
  number: "number",
  metadata: {
    fields: {
      created_on: "string",
      modified_on: "string",
      source: SOURCE,
      author_id: "string",
      author_email: "string",
      hasPreview: "boolean",
    },
  },
} as const;
const RESOURCES = {
  fields: {
    // The client calls it an object; wrangler and Terraform read the list that it is.
    bindings: "any",
    script: {
      fields: {
        etag: "string",
        handlers: { list: "string" },
        named_handlers: NAMED_HANDLERS,
        last_deployed_from: "string",
      },
    },
    script_runtime: { fields: { ...RUNTIME, limits: { fields: { cpu_ms: "number" } }, migration_tag: "string" } },
  },
} as const;
const DEPLOYMENT = {
  fields: {
    id: "string",
    source: "string",
    strategy: { enum: ["percentage"] },
    author_email: "string",
    created_on: "string",
    annotations: { fields: { "workers/message": "string", "workers/triggered_by": "string" } },
    versions: { list: { fields: { version_id: "string", percentage: "number" } } },
  },
} as const;
const SECRET = { fields: { name: "string", type: { enum: ["secret_text", "secret_key"] } } } as const;

const versions: readonly Operation[] = [
  operation<Scripts["versions"]["list"]>()("GET", "/accounts/{account_id}/workers/scripts/{script}/versions", {
    query: { ...PAGES, deployable: "boolean" },
    result: { fields: { items: { list: { fields: VERSION_ITEM } } } },
  }),
  operation<Scripts["versions"]["get"]>()("GET", "/accounts/{account_id}/workers/scripts/{script}/versions/{version}", {
    result: { fields: { ...VERSION_ITEM, resources: RESOURCES } },
  }),
  operation<Scripts["versions"]["create"]>()("POST", "/accounts/{account_id}/workers/scripts/{script}/versions", {
    query: { bindings_inherit: "string" },
    result: { fields: { ...VERSION_ITEM, resources: RESOURCES, startup_time_ms: "number" } },
  }),
  operation<Scripts["deployments"]["list"]>()("GET", "/accounts/{account_id}/workers/scripts/{script}/deployments", {
    query: PAGES,
    result: { fields: { deployments: { list: DEPLOYMENT } } },
  }),
  operation<Scripts["deployments"]["get"]>()(
    "GET",
    "/accounts/{account_id}/workers/scripts/{script}/deployments/{deployment}",
    { result: DEPLOYMENT },
  ),
  operation<Scripts["deployments"]["create"]>()("POST", "/accounts/{account_id}/workers/scripts/{script}/deployments", {
    query: { force: "boolean" },
    body: {
      fields: {
        strategy: { enum: ["percentage"] },
        versions: { list: { fields: { version_id: "string", percentage: "number" } } },
        annotations: { fields: { "workers/message": "string" } },
      },
    },
    result: DEPLOYMENT,
  }),
  operation<Scripts["secrets"]["list"]>()("GET", "/accounts/{account_id}/workers/scripts/{script}/secrets", {
    result: { list: SECRET },
  }),
  operation<Scripts["secrets"]["get"]>()("GET", "/accounts/{account_id}/workers/scripts/{script}/secrets/{secret}", {
    query: { url_encoded: "boolean" },
    result: SECRET,
  }),
  operation<Scripts["secrets"]["update"]>()("PUT", "/accounts/{account_id}/workers/scripts/{script}/secrets", {
    body: { fields: { name: "string", text: "string", type: { enum: ["secret_text"] } } },
    result: SECRET,
  }),
  operation<Scripts["secrets"]["bulkUpdate"]>()(
    "PATCH",
    "/accounts/{account_id}/workers/scripts/{script}/secrets-bulk",
    {
      body: {
        fields: { secrets: { map: { fields: { name: "string", text: "string", type: { enum: ["secret_text"] } } } } },
      },
      result: { map: SECRET },
    },
  ),
  operation<Scripts["secrets"]["delete"]>()(
    "DELETE",
    "/accounts/{account_id}/workers/scripts/{script}/secrets/{secret}",
    { query: { url_encoded: "boolean" } },
  ),
];

const NAMESPACE = { fields: { id: "string", title: "string", supports_url_encoding: "boolean" } } as const;
const kv: readonly Operation[] = [
  operation<Kv["list"]>()("GET", "/accounts/{account_id}/storage/kv/namespaces", {
    query: { ...PAGES, order: "string", direction: "string" },
    result: { list: NAMESPACE },
  }),
  operation<Kv["create"]>()("POST", "/accounts/{account_id}/storage/kv/namespaces", {
    body: { fields: { title: "string" } },
    result: NAMESPACE,
  }),
  operation<Kv["get"]>()("GET", "/accounts/{account_id}/storage/kv/namespaces/{namespace}", { result: NAMESPACE }),
  operation<Kv["update"]>()("PUT", "/accounts/{account_id}/storage/kv/namespaces/{namespace}", {
    body: { fields: { title: "string" } },
    result: NAMESPACE,
  }),
  operation<Kv["delete"]>()("DELETE", "/accounts/{account_id}/storage/kv/namespaces/{namespace}", {}),
  operation<Kv["keys"]["list"]>()("GET", "/accounts/{account_id}/storage/kv/namespaces/{namespace}/keys", {
    query: { cursor: "string", limit: "number", prefix: "string" },
    result: { list: { fields: { name: "string", expiration: "number", metadata: "any" } } },
  }),
  operation<Kv["values"]["get"]>()(
    "GET",
    "/accounts/{account_id}/storage/kv/namespaces/{namespace}/values/{key...}",
    {},
  ),
  operation<Kv["values"]["update"]>()(
    "PUT",
    "/accounts/{account_id}/storage/kv/namespaces/{namespace}/values/{key...}",
    { query: { expiration: "number", expiration_ttl: "number" } },
  ),
  operation<Kv["values"]["delete"]>()(
    "DELETE",
    "/accounts/{account_id}/storage/kv/namespaces/{namespace}/values/{key...}",
    {},
  ),
  operation<Kv["metadata"]["get"]>()(
    "GET",
    "/accounts/{account_id}/storage/kv/namespaces/{namespace}/metadata/{key...}",
    {},
  ),
  operation<Kv["keys"]["bulkUpdate"]>()("PUT", "/accounts/{account_id}/storage/kv/namespaces/{namespace}/bulk", {
    body: {
      list: {
        fields: {
          key: "string",
          value: "string",
          base64: "boolean",
          expiration: "number",
          expiration_ttl: "number",
          metadata: "any",
        },
      },
    },
    result: { fields: { successful_key_count: "number", unsuccessful_keys: { list: "string" } } },
  }),
  operation<Kv["keys"]["bulkDelete"]>()(
    "POST",
    "/accounts/{account_id}/storage/kv/namespaces/{namespace}/bulk/delete",
    {
      body: { list: "string" },
      result: { fields: { successful_key_count: "number", unsuccessful_keys: { list: "string" } } },
    },
  ),
  operation<Kv["keys"]["bulkGet"]>()("POST", "/accounts/{account_id}/storage/kv/namespaces/{namespace}/bulk/get", {
    body: { fields: { keys: { list: "string" }, type: { enum: ["text", "json"] }, withMetadata: "boolean" } },
    result: { fields: { values: { map: "any" } } },
  }),
];

const DOMAIN = {
  fields: {
    id: "string",
    zone_id: "string",
    zone_name: "string",
    hostname: "string",
    service: "string",
    environment: "string",
    cert_id: "string",
  },
} as const;
const ROUTE = { fields: { id: "string", pattern: "string", script: "string" } } as const;
const ROUTE_BODY = { fields: { pattern: "string", script: "string" } } as const;
const ZONE = {
  fields: {
    id: "string",
    name: "string",
    status: { enum: ["initializing", "pending", "active", "moved"] },
    paused: "boolean",
    type: { enum: ["full", "partial", "secondary", "internal"] },
    development_mode: "number",
    name_servers: { list: "string" },
    original_name_servers: { list: "string" },
    original_registrar: "string",
    original_dnshost: "string",
    created_on: "string",
    modified_on: "string",
    activated_on: "string",
    account: { fields: { id: "string", name: "string" } },
    owner: { fields: { id: "string", type: "string", name: "string" } },
    meta: "any",
    permissions: { list: "string" },
    plan: "any",
  },
} as const;
const RULES = { list: "any" } as const;
const RULESET = {
  fields: {
    id: "string",
    name: "string",
    description: "string",
    kind: { enum: ["managed", "custom", "root", "zone"] },
    // One of some thirty: which ones exist here is decided where they are made.
    phase: "any",
    version: "string",
    last_updated: "string",
    rules: RULES,
  },
} as const;
const { rules: _rules, ...LISTED } = RULESET.fields;
const NEW_RULESET = {
  fields: { name: "string", description: "string", kind: RULESET.fields.kind, phase: "any", rules: RULES },
} as const;

const zones: readonly Operation[] = [
  operation<Client["workers"]["domains"]["list"]>()("GET", "/accounts/{account_id}/workers/domains", {
    query: { environment: "string", hostname: "string", service: "string", zone_id: "string", zone_name: "string" },
    result: { list: DOMAIN },
  }),
  operation<Client["workers"]["domains"]["update"]>()("PUT", "/accounts/{account_id}/workers/domains", {
    body: { fields: { hostname: "string", service: "string", zone_id: "string", zone_name: "string" } },
    result: DOMAIN,
  }),
  operation<Client["workers"]["domains"]["get"]>()("GET", "/accounts/{account_id}/workers/domains/{domain}", {
    result: DOMAIN,
  }),
  operation<Client["workers"]["domains"]["delete"]>()("DELETE", "/accounts/{account_id}/workers/domains/{domain}", {}),
  operation<Client["workers"]["routes"]["list"]>()("GET", "/zones/{zone_id}/workers/routes", {
    result: { list: ROUTE },
  }),
  operation<Client["workers"]["routes"]["create"]>()("POST", "/zones/{zone_id}/workers/routes", {
    body: ROUTE_BODY,
    result: ROUTE,
  }),
  operation<Client["workers"]["routes"]["get"]>()("GET", "/zones/{zone_id}/workers/routes/{route}", { result: ROUTE }),
  operation<Client["workers"]["routes"]["update"]>()("PUT", "/zones/{zone_id}/workers/routes/{route}", {
    body: ROUTE_BODY,
    result: ROUTE,
  }),
  operation<Client["workers"]["routes"]["delete"]>()("DELETE", "/zones/{zone_id}/workers/routes/{route}", {
    result: { fields: { id: "string" } },
  }),
  // Their filters have dots, and the client gives them as objects.
  operation<Client["zones"]["list"]>()("GET", "/zones", {
    query: { ...PAGES, name: "string", "account.id": "string", status: "string" } as never,
    result: { list: ZONE },
  }),
  operation<Client["zones"]["get"]>()("GET", "/zones/{zone_id}", { result: ZONE }),
  operation<Client["zones"]["settings"]["get"]>()("GET", "/zones/{zone_id}/settings/{setting}", {}),
  operation<Client["zones"]["settings"]["edit"]>()("PATCH", "/zones/{zone_id}/settings/{setting}", {}),
  operation<Client["rulesets"]["list"]>()("GET", "/zones/{zone_id}/rulesets", { result: { list: { fields: LISTED } } }),
  operation<Client["rulesets"]["create"]>()("POST", "/zones/{zone_id}/rulesets", {
    body: NEW_RULESET,
    result: RULESET,
  }),
  operation<Client["rulesets"]["phases"]["get"]>()("GET", "/zones/{zone_id}/rulesets/phases/{phase}/entrypoint", {
    result: RULESET,
  }),
  operation<Client["rulesets"]["get"]>()("GET", "/zones/{zone_id}/rulesets/{ruleset}", { result: RULESET }),
  operation<Client["rulesets"]["update"]>()("PUT", "/zones/{zone_id}/rulesets/{ruleset}", {
    body: NEW_RULESET,
    result: RULESET,
  }),
  operation<Client["rulesets"]["delete"]>()("DELETE", "/zones/{zone_id}/rulesets/{ruleset}", { statuses: [204] }),
];

const ACCOUNT = {
  fields: {
    id: "string",
    name: "string",
    type: { enum: ["standard", "enterprise"] },
    settings: "any",
    created_on: "string",
  },
} as const;
const VERIFIED = { fields: { id: "string", status: { enum: ["active", "disabled", "expired"] } } } as const;
const identity: readonly Operation[] = [
  operation<Client["user"]["tokens"]["verify"]>()("GET", "/user/tokens/verify", { result: VERIFIED }),
  operation<Client["accounts"]["tokens"]["verify"]>()("GET", "/accounts/{account_id}/tokens/verify", {
    result: VERIFIED,
  }),
  operation<Client["user"]["get"]>()("GET", "/user", {}),
  operation<Client["accounts"]["list"]>()("GET", "/accounts", {
    query: { ...PAGES, name: "string", "account.id": "string", status: "string" } as never,
    result: { list: ACCOUNT },
  }),
  operation<Client["accounts"]["get"]>()("GET", "/accounts/{account_id}", { result: ACCOUNT }),
  operation<Client["memberships"]["list"]>()("GET", "/memberships", { query: PAGES as never }),
];

/** The excerpt. */
export const CLOUDFLARE: Description = {
  vendor: "cloudflare",
  operations: [...scripts, ...versions, ...kv, ...zones, ...identity],
  error: enveloped("any"),
  shapes: {},
};
