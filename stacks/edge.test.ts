import { describe, expect, it } from "vitest";
import { readDocument } from "./document.ts";
import { rateLimitNamespace } from "./edge.ts";
import { checkAll } from "./evaluate.ts";
import { RULES } from "./rules/all.ts";
import { EXAMPLE, resourceOf, settingsOf, stableText, synthesizeEdge } from "./test/synthesis.ts";
import { MIGRATIONS } from "./worker-migrations.ts";

describe("edge stack", () => {
  it("gives the same JSON for the same sources", () => {
    expect(stableText(synthesizeEdge(settingsOf()))).toBe(stableText(synthesizeEdge(settingsOf())));
  });

  it("chooses the migration by the tag that is live, and remembers the choice until an upload differs", () => {
    const document = synthesizeEdge(settingsOf());
    const block = String.raw`"{\"new_tag\":\"v1\",\"steps\":[{\"new_sqlite_classes\":[\"UserBurst\"]}]}"`;
    const ofLive = (found: string) =>
      `concat([for live in data.cloudflare_workers_scripts.live.result : ${found} if live.id == "mcpist-gateway" && live.migration_tag != null], [${block}])[0]`;
    expect(resourceOf(document, "cloudflare_workers_script")["migrations"]).toBe(
      `\${jsondecode(${ofLive("terraform_data.upload.input")})}`,
    );
    expect(resourceOf(document, "terraform_data", "upload")).toMatchObject({
      input: `\${${ofLive('lookup({"v1":"null"}, live.migration_tag, "null")')}}`,
      lifecycle: { ignore_changes: ["input"] },
    });
  });

  it("gives a Worker at an older tag the steps since then, named by both tags", () => {
    const migrations = [...MIGRATIONS, { tag: "v2", newSqliteClasses: ["Ledger"] }];
    const upload = resourceOf(synthesizeEdge(settingsOf(), undefined, { migrations }), "terraform_data", "upload");
    const since = JSON.stringify({ old_tag: "v1", new_tag: "v2", steps: [{ new_sqlite_classes: ["Ledger"] }] });
    expect(upload["input"]).toContain(
      `lookup({"v1":${JSON.stringify(since)},"v2":"null"}, live.migration_tag, "null")`,
    );
    // Another step is another upload, although the Worker is the same.
    const before = resourceOf(synthesizeEdge(settingsOf()), "terraform_data", "upload");
    expect(upload["triggers_replace"]).not.toEqual(before["triggers_replace"]);
  });

  it("asks again which migration is in place when it is told one, and remembers that", () => {
    const upload = resourceOf(
      synthesizeEdge(settingsOf(EXAMPLE, { appliedMigrationTag: "v1" })),
      "terraform_data",
      "upload",
    );
    expect(upload["input"]).toContain('live.migration_tag != null], ["null"])[0]');
    expect(upload).not.toHaveProperty("lifecycle");
  });

  it("makes another upload when the Worker, a limit or the configuration changes, and only then", () => {
    const fingerprint = (...parameters: Parameters<typeof synthesizeEdge>) =>
      (
        resourceOf(synthesizeEdge(...parameters), "terraform_data", "upload")["triggers_replace"] as {
          readonly fingerprint: string;
        }
      ).fingerprint;
    const first = fingerprint(settingsOf());
    expect(fingerprint(settingsOf())).toBe(first);
    expect(fingerprint(settingsOf(), "export default {};\n")).not.toBe(first);
    expect(fingerprint(settingsOf({ ...EXAMPLE, limits: { perIpPerMinute: 7 } }))).not.toBe(first);
    expect(fingerprint(settingsOf({ ...EXAMPLE, allowedOrigins: ["https://app.example.com"] }))).not.toBe(first);
  });

  it("leaves the zone alone in the sandbox, and opens the Worker's own name there only", () => {
    const cloudflare = { ...EXAMPLE.cloudflare, url: "http://127.0.0.1:1001" };
    const sandbox = synthesizeEdge(settingsOf({ ...EXAMPLE, cloudflare }, { name: "sandbox" }));
    expect(sandbox.resources.filter(({ type }) => /zone|ruleset|custom_domain/.test(type))).toEqual([]);
    expect(resourceOf(sandbox, "cloudflare_workers_script_subdomain")["enabled"]).toBe(true);
    expect(resourceOf(synthesizeEdge(settingsOf()), "cloudflare_workers_script_subdomain")["enabled"]).toBe(false);
  });

  it("lets no request in at the hostname before the zone is protected", () => {
    const document = synthesizeEdge(settingsOf());
    const shields = document.resources.filter(
      ({ type }) => type === "cloudflare_zone_setting" || type === "cloudflare_ruleset",
    );
    expect(shields).toHaveLength(7);
    const waitsFor = resourceOf(document, "cloudflare_workers_custom_domain")["depends_on"] ?? [];
    expect(waitsFor).toEqual(expect.arrayContaining(shields.map(({ address }) => address)));
  });

  it("asks the zone for nothing that the free plan does not have", () => {
    const [rule] = resourceOf(synthesizeEdge(settingsOf()), "cloudflare_ruleset", "flood")["rules"] as readonly {
      expression: string;
    }[];
    expect(rule?.expression).toBe('(http.request.uri.path in {"/mcp" "/mcp/"})');
  });

  it.each(["cloudflare_workers_script", "cloudflare_workers_kv_namespace"])(
    "keeps its %s until it is told otherwise",
    (type) => {
      const lifecycleOf = (...parameters: Parameters<typeof settingsOf>) =>
        resourceOf(synthesizeEdge(settingsOf(...parameters)), type)["lifecycle"];
      expect(lifecycleOf()).toEqual({ prevent_destroy: true });
      expect(lifecycleOf(EXAMPLE, { allowDestroy: true })).toBeUndefined();
      // A sandbox ends, and takes everything with it.
      expect(lifecycleOf(EXAMPLE, { local: true })).toBeUndefined();
    },
  );

  it("leaves the zone to the environment that protects it, and says so to the policy", () => {
    const second = synthesizeEdge(
      settingsOf({ ...EXAMPLE, cloudflare: { ...EXAMPLE.cloudflare, zoneProtection: false } }),
    );
    expect(second.resources.filter(({ type }) => /zone_setting|ruleset/.test(type))).toEqual([]);
    expect(resourceOf(second, "cloudflare_workers_custom_domain")["hostname"]).toBe(EXAMPLE.cloudflare.hostname);
    expect(checkAll(RULES, second)).toEqual([]);
    const silent = readDocument(JSON.stringify({ ...second.raw, output: {} }));
    expect(silent.ok && checkAll(RULES, silent.value).map(({ rule }) => rule.name)).toContain("tls-minimum");
  });

  it("gives every Worker of an account its own counters", () => {
    const numbers = ["a", "b"].flatMap((worker) =>
      ["RL_IP", "RL_AUTH"].map((binding) => rateLimitNamespace(worker, binding)),
    );
    expect(new Set(numbers).size).toBe(4);
    for (const number of numbers) expect(number).toMatch(/^[1-9]\d{0,9}$/);
  });

  it("keeps its state in a bucket when the configuration says so, without a credential", () => {
    const backend = { type: "s3", bucket: "state", endpoint: "https://account.r2.cloudflarestorage.com" } as const;
    const { settings } = synthesizeEdge(settingsOf({ ...EXAMPLE, backend }));
    expect(settings.find(({ address }) => address === "backend.s3")?.values).toEqual({
      bucket: "state",
      endpoints: { s3: "https://account.r2.cloudflarestorage.com" },
      key: "mcpist/production-base-edge.tfstate",
      region: "auto",
      skip_credentials_validation: true,
      skip_metadata_api_check: true,
      skip_region_validation: true,
      skip_requesting_account_id: true,
      skip_s3_checksum: true,
      use_lockfile: true,
      use_path_style: true,
    });
  });
});
