/**
 * The gateway: Worker script with its bindings, KV namespace, schedule and hostname. Never its secret: GATEWAY_SECRET is written
 * by `mcpist secrets rotate` and survives every upload because `keep_bindings` says so.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gatewayConfigOf } from "../contract/process-config.ts";
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
import { BURST_CLASS, type Migration, migrationBlocks, MIGRATIONS } from "./worker-migrations.ts";
import { ELSEWHERE, ZONE_PROTECTION } from "./zone-protection.ts";
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
  /** Absent = those of this release. */
  readonly migrations?: readonly Migration[];
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
    const script = this.#script(options, kv);
    // With the Worker goes its gateway secret, with the namespace what it remembers; a new name or account would replace both.
    if (!settings.local && !settings.allowDestroy)
      for (const kept of [script, kv]) kept.addOverride("lifecycle.prevent_destroy", true);
    new WorkersScriptSubdomain(this, "workers-dev", {
      accountId,
      scriptName: script.scriptName,
      // A second public name would go around the zone's rules. On loopback there is no zone.
      enabled: settings.local,
      previewsEnabled: false,
    });
    new WorkersCronTrigger(this, "schedule", {
      accountId,
      scriptName: script.scriptName,
      schedules: [{ cron: SCHEDULE }],
    });
    if (!settings.local) this.#publish(script);

    this.outputs = this.publish({ kv_namespace_id: kv.id, worker_name: script.scriptName });
  }

  #script({ bundle, migrations = MIGRATIONS }: EdgeOptions, kv: WorkersKvNamespace): WorkersScript {
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
      {
        name: "MCPIST_CONFIG",
        type: "plain_text",
        text: JSON.stringify(gatewayConfigOf(settings.name, settings.environment)),
      },
      ...Object.keys(rateLimits).map((name) => ({
        name,
        type: "ratelimit",
        namespaceId: rateLimitNamespace(worker, name),
      })),
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
      observability: {
        enabled: true,
        headSamplingRate: 1,
        logs: { enabled: true, invocationLogs: false, headSamplingRate: 1 },
      },
    });
    bindings.forEach(({ name }, index) => {
      const limit = rateLimits[name as keyof typeof rateLimits];
      // Not in the prebuilt bindings; in the provider since 5.19.
      if (limit !== undefined) script.addOverride(`bindings.${index}.simple`, { limit, period: 60 });
    });
    // The KV binding holds a reference; its id is watched beside the fingerprint.
    const others = bindings.filter(({ type }) => type !== "kv_namespace");
    const parts = [contentSha256, COMPATIBILITY_DATE, rateLimits, others, migrations.map(({ tag }) => tag)];
    this.#migrate(
      script,
      { kv: kv.id, fingerprint: createHash("sha256").update(JSON.stringify(parts)).digest("hex") },
      migrations,
    );
    return script;
  }

  /**
   * Sends the Durable Object migrations that the Worker lacks with one upload and with no later one, although Terraform sees the
   * same configuration each time. The tag that Cloudflare shows for the Worker decides; `upload` remembers the decision. It is made
   * anew whenever the upload would differ: until then nothing is uploaded and the block stays, so that the plan is empty, and
   * afterwards the tag has moved on and the block leaves. A Worker without a tag gets every step, whatever is remembered.
   *
   * @param identity what makes an upload another one.
   */
  #migrate(script: WorkersScript, identity: Readonly<Record<string, string>>, migrations: readonly Migration[]): void {
    const { accountId, worker } = this.settings.environment.cloudflare;
    const told = this.settings.appliedMigrationTag;
    const { unseen, byTag } = migrationBlocks(told, migrations);
    new DataCloudflareWorkersScripts(this, "live", { accountId });
    const ofLive = (found: string) =>
      `concat([for live in data.cloudflare_workers_scripts.live.result : ${found} if live.id == ${JSON.stringify(worker)}` +
      ` && live.migration_tag != null], [${JSON.stringify(unseen)}])[0]`;
    const upload = new DataResource(this, "upload", { triggersReplace: identity });
    // A tag that this release does not know is of a later one, which did everything already.
    upload.addOverride("input", `\${${ofLive(`lookup(${JSON.stringify(byTag)}, live.migration_tag, "null")`)}}`);
    // Told from outside that something is in place: decide anew now, and remember it for the runs that are not told.
    if (told === null) upload.addOverride("lifecycle.ignore_changes", ["input"]);
    const remembered = "terraform_data.upload.input";
    script.addOverride("migrations", `\${jsondecode(${told === null ? ofLive(remembered) : remembered})}`);
  }

  #publish(script: WorkersScript): void {
    const { settings } = this;
    const { accountId, zone: zoneName, hostname, zoneProtection } = settings.environment.cloudflare;
    // Asking for the zone by account as well turns "the zone belongs to someone else" into an error before anything is made.
    const zone = new DataCloudflareZone(this, "zone", { filter: { name: zoneName, account: { id: accountId } } });
    const requestsPerMinute = settings.environment.limits.perIpPerMinute;
    const shields = zoneProtection ? protectZone(this, { zoneId: zone.zoneId, hostname, requestsPerMinute }) : [];
    // Read by the policy: without this sentence, a hostname in a zone without settings is a violation.
    if (!zoneProtection) this.publish({ [ZONE_PROTECTION]: ELSEWHERE });
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
