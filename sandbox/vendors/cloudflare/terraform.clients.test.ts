/** The real Cloudflare provider for Terraform against the emulator, where both programs are installed. */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeClients } from "../../test/client.ts";
import { NAMES, startKit, TOKEN, workerSource, type Kit } from "./test/emulator.ts";

/** The version that the stacks name. */
const VERSION = "5.19.0";
const PLATFORM = `linux_${process.arch === "arm64" ? "arm64" : "amd64"}`;
const VALUE = "canary-71c2e9";

interface Options {
  readonly mark: string;
  readonly migrate: boolean;
  readonly keep: boolean;
}
const stack = ({ migrate, keep }: Options): string => `
terraform {
  required_providers {
    cloudflare = { source = "cloudflare/cloudflare", version = "${VERSION}" }
  }
}
locals {
  account = "${NAMES.accountId}"
  zone    = data.cloudflare_zone.zone.zone_id
  worker  = cloudflare_workers_script.worker.script_name
}
data "cloudflare_zone" "zone" {
  filter = { name = "${NAMES.zone}", account = { id = local.account } }
}
resource "cloudflare_workers_kv_namespace" "kv" {
  account_id = local.account
  title      = "terraform"
}
resource "cloudflare_workers_script" "worker" {
  account_id         = local.account
  script_name        = "terraform"
  main_module        = "index.js"
  content_file       = "\${path.module}/index.js"
  content_sha256     = filesha256("\${path.module}/index.js")
  compatibility_date = "2026-06-01"
  ${keep ? 'keep_bindings = ["secret_text"]' : ""}
  bindings = [
    { name = "CONFIG", type = "plain_text", text = "{}" },
    { name = "COUNTER", type = "durable_object_namespace", class_name = "Counter" },
    { name = "KV", type = "kv_namespace", namespace_id = cloudflare_workers_kv_namespace.kv.id },
    { name = "RL", type = "ratelimit", namespace_id = "1001", simple = { limit = 10, period = 60 } },
    { name = "VERSION", type = "version_metadata" },
  ]
  ${migrate ? 'migrations = { new_tag = "v1", new_sqlite_classes = ["Counter"] }' : ""}
  observability = { enabled = true, head_sampling_rate = 1, logs = { enabled = true, invocation_logs = false, head_sampling_rate = 1 } }
}
resource "cloudflare_workers_script_subdomain" "subdomain" {
  account_id       = local.account
  script_name      = local.worker
  enabled          = false
  previews_enabled = false
}
resource "cloudflare_workers_cron_trigger" "schedule" {
  account_id  = local.account
  script_name = local.worker
  schedules   = [{ cron = "* * * * *" }]
}
resource "cloudflare_workers_route" "route" {
  zone_id = local.zone
  pattern = "route.${NAMES.zone}/*"
  script  = local.worker
}
resource "cloudflare_workers_custom_domain" "domain" {
  account_id = local.account
  zone_id    = local.zone
  hostname   = "mcp.${NAMES.zone}"
  service    = local.worker
}
resource "cloudflare_zone_setting" "https" {
  zone_id    = local.zone
  setting_id = "always_use_https"
  value      = "on"
}
resource "cloudflare_zone_setting" "hsts" {
  zone_id    = local.zone
  setting_id = "security_header"
  value      = { strict_transport_security = { enabled = true, max_age = 63072000, include_subdomains = false, preload = false, nosniff = true } }
}
resource "cloudflare_ruleset" "flood" {
  zone_id = local.zone
  name    = "flood"
  kind    = "zone"
  phase   = "http_ratelimit"
  rules = [{
    ref         = "flood"
    description = "flood"
    expression  = "true"
    action      = "block"
    enabled     = true
    ratelimit   = { characteristics = ["ip.src", "cf.colo.id"], period = 10, requests_per_period = 100, mitigation_timeout = 10 }
  }]
}
`;

let kit: Kit;
let folder: string;
beforeAll(async () => {
  kit = await startKit();
  folder = await mkdtemp(join(tmpdir(), "mcpist-terraform-"));
});
afterAll(async () => {
  expect(kit.context.faults.calls.filter(({ known }) => !known)).toEqual([]);
  await rm(folder, { recursive: true, force: true });
  await kit.cloudflare.close();
});
async function write(options: Options): Promise<void> {
  await writeFile(join(folder, "index.js"), workerSource(options.mark));
  await writeFile(join(folder, "main.tf"), stack(options));
}
const secrets = async () =>
  (await kit.call<{ name: string }[]>("GET", "workers/scripts/terraform/secrets")).result.map(({ name }) => name);

const environment = () => ({
  TF_CLI_CONFIG_FILE: join(folder, "terraformrc"),
  CHECKPOINT_DISABLE: "1",
  CLOUDFLARE_BASE_URL: `${kit.cloudflare.apiUrl}/`,
  CLOUDFLARE_API_TOKEN: TOKEN,
});
describeClients(["terraform", "terraform-provider-cloudflare"], environment, (run, [, provider = ""]) => {
  const terraform = (...args: string[]) => run([`-chdir=${folder}`, ...args, "-no-color"]);
  const apply = () => terraform("apply", "-auto-approve");

  it("applies, plans nothing, keeps the secret, repeats no migration and destroys", async () => {
    const home = join(folder, "mirror", "registry.terraform.io", "cloudflare", "cloudflare", VERSION, PLATFORM);
    await mkdir(home, { recursive: true });
    await copyFile(provider, join(home, `terraform-provider-cloudflare_v${VERSION}`));
    const mirror = `provider_installation {\n  filesystem_mirror {\n    path = "${join(folder, "mirror")}"\n  }\n}\n`;
    await writeFile(join(folder, "terraformrc"), mirror);
    await write({ mark: "one", migrate: true, keep: true });
    expect(await terraform("init")).toMatchObject({ exitCode: 0 });
    expect(await apply()).toMatchObject({ exitCode: 0, text: expect.stringContaining("9 added") });
    expect(await terraform("plan", "-detailed-exitcode")).toMatchObject({ exitCode: 0 });
    await kit.settled("terraform");
    expect(await kit.text("terraform", "/count")).toBe("1");

    await kit.call("PUT", "workers/scripts/terraform/secrets", { name: "SECRET", text: VALUE, type: "secret_text" });
    await write({ mark: "two", migrate: true, keep: true });
    expect(await apply()).toMatchObject({ exitCode: 1, text: expect.stringContaining("412 Precondition Failed") });
    await write({ mark: "two", migrate: false, keep: true });
    expect(await apply()).toMatchObject({ exitCode: 0, text: expect.stringContaining("1 changed") });
    expect(await secrets()).toEqual(["SECRET"]);

    // The plan stays empty although the secret is gone: what keep_bindings is for.
    await write({ mark: "three", migrate: false, keep: false });
    expect(await apply()).toMatchObject({ exitCode: 0 });
    expect(await secrets()).toEqual([]);
    expect(await terraform("plan", "-detailed-exitcode")).toMatchObject({ exitCode: 0 });
    expect(await readFile(join(folder, "terraform.tfstate"), "utf8")).not.toContain(VALUE);
    expect(await terraform("destroy", "-auto-approve")).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining("9 destroyed"),
    });
  }, 300_000);
});
