/**
 * The gateway: Worker script with its bindings, KV namespace, schedule and hostname. Never its secret: GATEWAY_SECRET is written
 * by `mcpist secrets rotate` and survives every upload because `keep_bindings` says so.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gatewayConfigOf } from "../contract/config.ts";
import {
  AssetType,
  CloudflareProvider,
  type Construct,
  DataCloudflareWorkersScripts,
  DataCloudflareZone,
  DataResource,
  TerraformAsset,
  WorkersCronTrigger,
  WorkersCustomDomain,
  WorkersKvNamespace,
  WorkersScript,
  type WorkersScriptBindings,
  WorkersScriptSubdomain,
} from "./cdktf.ts";
import { CLOUDFLARE_VERSION } from "./provider-versions.ts";
import type { Settings } from "./settings.ts";
import { McpistStack } from "./stack.ts";
import { BURST_CLASS, pendingMigrations } from "./worker-migrations.ts";
import { protectZone } from "./zone.ts";

/** Equal to worker/wrangler.jsonc; a test compares them. */
export const COMPATIBILITY_DATE = "2026-07-01";
/** The Worker looks after its origins' health each minute. Cloudflare's cron syntax, UTC. */
export const SCHEDULE = "* * * * *";
const MAIN_MODULE = "index.js";

/** What other stacks and pipelines may read of the gateway. */
export type EdgeOutputs = {
  readonly kv_namespace_id: string;
  /** Name of the Worker script; known once it exists. */
  readonly worker_name: string;
};

/** Where the bundled Worker lies. */
export interface EdgeOptions {
  /** Absolute path of one ES module. */
  readonly bundle: string;
}

/**
 * Rate-limit namespaces are shared by a whole account, so the number is made from the Worker's name: two environments in one
 * account never count together.
 */
export function rateLimitNamespace(worker: string, binding: string): string {
  const digest = createHash("sha256").update(`${worker}/${binding}`).digest();
  return String((digest.readUInt32BE(0) & 0x3fff_ffff) + 1);
}

/** Gateway of one environment. */
export class EdgeStack extends McpistStack {
  readonly outputs: EdgeOutputs;

  constructor(scope: Construct, settings: Settings, options: EdgeOptions) {
    super(scope, "base", "edge", settings);
    const { accountId, worker } = settings.environment.cloudflare;
    new CloudflareProvider(this, "cloudflare");
    // The prebuilt bindings name the version they were generated from, which cannot declare rate-limit bindings.
    this.addOverride("terraform.required_providers.cloudflare.version", CLOUDFLARE_VERSION);

    const kv = new WorkersKvNamespace(this, "kv", { accountId, title: worker });
    const script = this.#script(options.bundle, kv);
    new WorkersScriptSubdomain(this, "workers-dev", {
      accountId,
      scriptName: script.scriptName,
      // A second public name would go around the zone's rules. On loopback there is no zone.
      enabled: settings.local,
      previewsEnabled: false,
    });
    new WorkersCronTrigger(this, "schedule", { accountId, scriptName: script.scriptName, schedules: [{ cron: SCHEDULE }] });
    if (!settings.local) this.#publish(script);

    this.outputs = this.publish({ kv_namespace_id: kv.id, worker_name: script.scriptName });
  }

  #script(bundle: string, kv: WorkersKvNamespace): WorkersScript {
    const { settings } = this;
    const { accountId, worker } = settings.environment.cloudflare;
    const { perIpPerMinute, failedAuthPerMinute } = settings.environment.limits;
    const asset = new TerraformAsset(this, "bundle", { path: bundle, type: AssetType.FILE });
    const contentSha256 = createHash("sha256").update(readFileSync(bundle)).digest("hex");
    const rateLimits = { RL_AUTH: failedAuthPerMinute, RL_IP: perIpPerMinute } as const;
    const bindings: WorkersScriptBindings[] = [
      { name: "BURST", type: "durable_object_namespace", className: BURST_CLASS },
      { name: "CF_VERSION_METADATA", type: "version_metadata" },
      { name: "KV", type: "kv_namespace", namespaceId: kv.id },
      { name: "MCPIST_CONFIG", type: "plain_text", text: JSON.stringify(gatewayConfigOf(settings.name, settings.environment)) },
      ...Object.keys(rateLimits).map((name) => ({ name, type: "ratelimit", namespaceId: rateLimitNamespace(worker, name) })),
    ];
    const script = new WorkersScript(this, "worker", {
      accountId,
      scriptName: worker,
      mainModule: MAIN_MODULE,
      contentFile: asset.path,
      contentSha256,
      compatibilityDate: COMPATIBILITY_DATE,
      bindings,
      // Without this list an upload may drop GATEWAY_SECRET, and the plan would not show it.
      keepBindings: ["secret_text"],
      observability: { enabled: true, headSamplingRate: 1, logs: { enabled: true, invocationLogs: false, headSamplingRate: 1 } },
    });
    bindings.forEach(({ name }, index) => {
      const limit = rateLimits[name as keyof typeof rateLimits];
      // Not in the prebuilt bindings; in the provider since 5.19.
      if (limit !== undefined) script.addOverride(`bindings.${index}.simple`, { limit, period: 60 });
    });
    // The KV binding holds a reference; its id is watched beside the fingerprint.
    const parts = [contentSha256, COMPATIBILITY_DATE, rateLimits, bindings.filter(({ type }) => type !== "kv_namespace")];
    this.#migrate(script, kv, createHash("sha256").update(JSON.stringify(parts)).digest("hex"));
    return script;
  }

  /**
   * Sends the Durable Object migration with the upload that makes the Worker and with no later one, although Terraform sees the
   * same configuration each time. While Cloudflare shows no migration for this Worker, the block is there. Afterwards two
   * memories decide: `upload` gets a new id whenever the upload would differ, `first` keeps the first such id. While they
   * agree, nothing is uploaded and the block stays, so that the plan is empty; once they differ, it leaves together with the
   * change that caused that, and a return to the first content does not bring it back.
   */
  #migrate(script: WorkersScript, kv: WorkersKvNamespace, fingerprint: string): void {
    const { accountId, worker } = this.settings.environment.cloudflare;
    const applied = this.settings.appliedMigrationTag;
    const pending = pendingMigrations(applied);
    const upload = new DataResource(this, "upload", { triggersReplace: { fingerprint, kv: kv.id } });
    const first = new DataResource(this, "first_upload", { input: { id: applied === null ? upload.id : "earlier" } });
    // Told from outside which migration is in place: believe it now, and remember it for the runs that are not told.
    if (applied === null) first.addOverride("lifecycle.ignore_changes", ["input"]);
    if (!pending) return;
    const block = {
      ...(pending.oldTag === undefined ? {} : { old_tag: pending.oldTag }),
      new_tag: pending.newTag,
      steps: pending.steps.map(({ newSqliteClasses }) => ({ new_sqlite_classes: newSqliteClasses })),
    };
    if (applied !== null) {
      script.addOverride("migrations", block);
      return;
    }
    new DataCloudflareWorkersScripts(this, "live", { accountId });
    const unmigrated = `alltrue([for live in data.cloudflare_workers_scripts.live.result : live.migration_tag == null if live.id == ${JSON.stringify(worker)}])`;
    const unchanged = "terraform_data.upload.id == terraform_data.first_upload.output.id";
    script.addOverride("migrations", `\${${unmigrated} || ${unchanged} ? ${JSON.stringify(block)} : null}`);
  }

  #publish(script: WorkersScript): void {
    const { settings } = this;
    const { accountId, zone: zoneName, hostname } = settings.environment.cloudflare;
    // Asking for the zone by account as well turns "the zone belongs to someone else" into an error before anything is made.
    const zone = new DataCloudflareZone(this, "zone", { filter: { name: zoneName, account: { id: accountId } } });
    const requestsPerMinute = settings.environment.limits.perIpPerMinute;
    const shields = protectZone(this, { zoneId: zone.zoneId, hostname, requestsPerMinute });
    // Created last and destroyed first: the hostname never answers without its protection.
    new WorkersCustomDomain(this, "hostname", {
      accountId,
      zoneId: zone.zoneId,
      hostname,
      service: script.scriptName,
      dependsOn: [...shields],
    });
  }
}
