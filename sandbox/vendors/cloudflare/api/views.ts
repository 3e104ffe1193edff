/** The account's state in the shapes of the API. A secret has a name and a type here, never a text. */
import { publicBinding } from "../bindings.ts";
import { AUTHOR } from "../account.ts";
import { activeDeployment, latestVersion, type Code, type Deployment, type Script, type Version } from "../model.ts";

const AUTHOR_ID = "00000000000000000000000000000001";
const handlersOf = (code: Code): string[] => {
  const main = code.modules.find((module) => module.name === code.mainModule);
  const source = Buffer.from(main?.content ?? "").toString();
  return ["fetch", "scheduled"].filter((handler) => handler === "fetch" || new RegExp(`\\b${handler}\\b`).test(source));
};

const settingsOf = (version: Version) => ({
  compatibility_date: version.code.compatibilityDate,
  compatibility_flags: version.code.compatibilityFlags,
  usage_model: version.settings["usage_model"] ?? "standard",
});

const resourcesOf = (version: Version, script: Script) => ({
  resources: {
    script: {
      etag: version.code.etag,
      handlers: handlersOf(version.code),
      last_deployed_from: version.source,
      ...(script.classes.size === 0
        ? {}
        : { named_handlers: [...script.classes.keys()].map((name) => ({ name, handlers: ["class"] })) }),
    },
    script_runtime: {
      ...settingsOf(version),
      limits: version.settings["limits"] ?? {},
      ...(script.migrationTag === null ? {} : { migration_tag: script.migrationTag }),
    },
    bindings: version.bindings.map((binding) => publicBinding(binding, script.classes)),
  },
});

/** Item of a versions list. Without annotations: only the deployable ones and a single version have them. */
export const versionItem = (version: Version, script: Script) => ({
  id: version.id,
  number: version.number,
  ...resourcesOf(version, script),
  metadata: {
    created_on: version.createdOn,
    modified_on: version.createdOn,
    source: version.source,
    author_id: AUTHOR_ID,
    author_email: AUTHOR,
    hasPreview: false,
  },
});

/** A version with its bindings and the etag of its code. */
export const versionDetail = (version: Version, script: Script) => ({
  ...versionItem(version, script),
  annotations: version.annotations,
  startup_time_ms: 1,
});

export const deploymentView = (deployment: Deployment) => ({
  id: deployment.id,
  source: deployment.source,
  strategy: "percentage",
  author_email: AUTHOR,
  created_on: deployment.createdOn,
  annotations: deployment.annotations,
  versions: deployment.shares.map(({ versionId, percentage }) => ({ version_id: versionId, percentage })),
});

/** Metadata of a Worker. */
export function scriptView(script: Script) {
  const latest = latestVersion(script);
  return {
    id: script.name,
    tag: script.tag,
    tags: script.scriptSettings["tags"] ?? [],
    etag: latest?.code.etag,
    handlers: latest ? handlersOf(latest.code) : [],
    created_on: script.createdOn,
    modified_on: script.modifiedOn,
    has_assets: false,
    has_modules: latest ? !latest.code.serviceWorker : false,
    last_deployed_from: latest?.source,
    logpush: script.scriptSettings["logpush"] ?? false,
    tail_consumers: script.scriptSettings["tail_consumers"] ?? [],
    observability: script.scriptSettings["observability"] ?? null,
    ...(script.migrationTag === null ? {} : { migration_tag: script.migrationTag }),
    ...(latest ? settingsOf(latest) : {}),
    placement_mode: null,
    deployment_id: activeDeployment(script)?.id,
  };
}

/** `GET …/services/W`. */
export const serviceView = (script: Script) => ({
  id: script.name,
  created_on: script.createdOn,
  modified_on: script.modifiedOn,
  usage_model: "standard",
  default_environment: {
    environment: "production",
    created_on: script.createdOn,
    modified_on: script.modifiedOn,
    script_tag: script.tag,
    script: scriptView(script),
  },
  environments: [{ environment: "production", created_on: script.createdOn, modified_on: script.modifiedOn }],
});

/** `GET …/workers/workers/W`. */
export const workerView = (script: Script) => ({
  id: script.tag,
  name: script.name,
  created_on: script.createdOn,
  updated_on: script.modifiedOn,
  deployed_on: activeDeployment(script)?.createdOn ?? null,
  logpush: script.scriptSettings["logpush"] ?? false,
  observability: script.scriptSettings["observability"] ?? { enabled: false },
  subdomain: script.subdomain,
  tags: script.scriptSettings["tags"] ?? [],
  tail_consumers: script.scriptSettings["tail_consumers"] ?? [],
  references: { domains: [], durable_objects: [], queues: [], workers: [], dispatch_namespace_outbounds: [] },
});

/** `GET …/scripts/W/settings`: of the latest upload. */
export function settingsView(script: Script) {
  const latest = latestVersion(script);
  return {
    ...script.scriptSettings,
    ...(latest ? settingsOf(latest) : {}),
    placement: latest?.settings["placement"] ?? {},
    bindings: latest?.bindings.map((binding) => publicBinding(binding, script.classes)) ?? [],
  };
}
