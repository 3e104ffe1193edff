import { describe, expect, it } from "vitest";
import type { EnvironmentInput } from "../contract/config.ts";
import { checkAll } from "./evaluate.ts";
import { RULES } from "./rules/all.ts";
import type { Settings } from "./settings.ts";
import { documentOf, EXAMPLE, resourceOf, settingsOf, stableText, synthesize } from "./test/synthesis.ts";

const EXAMPLE_SYNTHESIS = synthesize(settingsOf());
const [KOYEB, FLY] = EXAMPLE.origins as [(typeof EXAMPLE.origins)[number], (typeof EXAMPLE.origins)[number]];

describe("the example's stacks", () => {
  it.each([...EXAMPLE_SYNTHESIS.documents.keys()])("%s is what it was", async (name) => {
    await expect(stableText(documentOf(EXAMPLE_SYNTHESIS, name))).toMatchFileSnapshot(`snapshots/${name}.snap`);
  });

  it("keep the policy", () => {
    const findings = [...EXAMPLE_SYNTHESIS.documents.values()].flatMap((document) => checkAll(RULES, document));
    expect(findings.map(({ finding }) => finding)).toEqual([]);
  });

  it("come in two tiers: what holds secrets, then what needs them", () => {
    expect(Object.fromEntries(EXAMPLE_SYNTHESIS.dependencies)).toEqual({
      "production-base-repository": [],
      "production-base-edge": [],
      "production-base-app-koyeb": [],
      "production-base-app-fly": [],
      "production-service-koyeb": ["production-base-app-koyeb"],
      "production-service-fly": ["production-base-app-fly"],
    });
  });

  it("ask this of the repository, which a snapshot could forget", () => {
    const document = documentOf(EXAMPLE_SYNTHESIS, "production-base-repository");
    const only = (type: string): unknown => resourceOf(document, type);
    expect(only("github_repository_ruleset")).toMatchObject({
      target: "branch",
      enforcement: "active",
      rules: {
        deletion: true,
        non_fast_forward: true,
        pull_request: { dismiss_stale_reviews_on_push: true, required_review_thread_resolution: true },
      },
    });
    expect(only("github_repository")).toMatchObject({ archive_on_destroy: true, vulnerability_alerts: true });
    expect(only("github_repository_dependabot_security_updates")).toMatchObject({ enabled: true });
    expect(only("github_workflow_repository_permissions")).toMatchObject({
      can_approve_pull_request_reviews: false,
      default_workflow_permissions: "read",
    });
  });

  it("hold the value of no secret, and the name of every one", () => {
    const text = stableText(documentOf(EXAMPLE_SYNTHESIS, "production-service-koyeb"));
    for (const name of ["gateway-secret-a", "gateway-secret-b", "database-url", "request-state-key"])
      expect(text).toContain(`"secret": "mcpist-production-${name}"`);
    expect(text).not.toContain("mcpist-production-broker-secret");
    expect(stableText(documentOf(EXAMPLE_SYNTHESIS, "production-service-fly"))).not.toMatch(
      /GATEWAY_SECRET|DATABASE_URL/,
    );
  });
});

describe("stacks of other installations", () => {
  const s3 = { type: "s3", bucket: "state", endpoint: "https://r2.example.com" } as const;
  const everyModule = { ...EXAMPLE.modules, brokerUrl: "https://broker.example.com" };
  it.each<readonly [what: string, environment: Partial<EnvironmentInput>, changes: Partial<Settings>]>([
    ["several machines", { origins: [KOYEB, { ...FLY, machines: 3 } as typeof FLY] }, {}],
    ["a hostname of one's own at Fly", { origins: [KOYEB, { ...FLY, url: "https://origin.example.com" }] }, {}],
    ["a plan of GitHub without environments", { github: { ...EXAMPLE.github, scope: "repository" } }, {}],
    ["a plan of GitHub without secret scanning", { github: { ...EXAMPLE.github, secretScanning: false } }, {}],
    ["reviewers", { reviewers: [7, 8] }, {}],
    ["a state in a bucket", { backend: s3 }, {}],
    ["every secret that there is", { modules: everyModule }, {}],
    ["an embedded database", { database: "embedded" }, {}],
    ["a migration that is in place", {}, { appliedMigrationTag: "v1" }],
    ["an image by digest", {}, { image: `ghcr.io/acme/origin@sha256:${"0123456789abcdef".repeat(4)}` }],
  ])("keep the policy with %s", (_what, environment, changes) => {
    const { documents } = synthesize(settingsOf({ ...EXAMPLE, ...environment }, changes));
    const findings = [...documents.values()].flatMap((document) => checkAll(RULES, document));
    expect(findings.map(({ finding }) => finding)).toEqual([]);
  });

  it("make as many origins as there are, of any kind, each with a state of its own", () => {
    const origins = [
      KOYEB,
      FLY,
      { ...FLY, name: "fly-eu", app: "mcpist-eu" },
      { ...KOYEB, name: "koyeb-us", app: "mcpist-us" },
    ] as const;
    const { documents } = synthesize(settingsOf({ ...EXAMPLE, origins: [...origins] }));
    expect([...documents.keys()].filter((name) => name.includes("service"))).toEqual([
      "production-service-fly",
      "production-service-fly-eu",
      "production-service-koyeb",
      "production-service-koyeb-us",
    ]);
    const states = [...documents.values()].map(
      ({ settings }) => settings.find(({ address }) => address === "backend.local")?.values["path"],
    );
    expect(new Set(states).size).toBe(documents.size);
  });

  it("start the machines of an origin one after the other", () => {
    const document = documentOf(
      synthesize(settingsOf({ ...EXAMPLE, origins: [{ ...FLY, machines: 3 } as typeof FLY] })),
      "production-service-fly",
    );
    const order = [1, 2, 3].map((number) => resourceOf(document, "fly_machine", `machine-${number}`)["depends_on"]);
    expect(order).toEqual([undefined, ["fly_machine.machine-1"], ["fly_machine.machine-2"]]);
  });

  it("ask Fly for a certificate only for a hostname of one's own", () => {
    const apps = (url: string) =>
      documentOf(synthesize(settingsOf({ ...EXAMPLE, origins: [{ ...FLY, url }] })), "production-base-app-fly");
    expect(apps("https://origin.example.com").resources.map(({ type }) => type)).toContain("fly_cert");
    expect(apps("https://mcpist-origin.fly.dev").resources.map(({ type }) => type)).not.toContain("fly_cert");
    expect(apps("http://127.0.0.1:4000").resources.map(({ type }) => type)).not.toContain("fly_cert");
  });

  it("do without what a GitHub plan does not have", () => {
    const github = { ...EXAMPLE.github, scope: "repository" } as const;
    const types = documentOf(
      synthesize(settingsOf({ ...EXAMPLE, github })),
      "production-base-repository",
    ).resources.map(({ type }) => type);
    expect(types).toEqual([
      "github_repository",
      "github_repository_dependabot_security_updates",
      "github_workflow_repository_permissions",
    ]);
  });

  it("ask the named reviewers, and a second person when there is one", () => {
    const environment = (reviewers: number[]) =>
      resourceOf(
        documentOf(synthesize(settingsOf({ ...EXAMPLE, reviewers })), "production-base-repository"),
        "github_repository_environment",
      );
    expect(environment([])).not.toHaveProperty("reviewers");
    expect(environment([7])).toMatchObject({ reviewers: [{ users: [7] }], prevent_self_review: false });
    expect(environment([7, 8])).toMatchObject({ reviewers: [{ users: [7, 8] }], prevent_self_review: true });
  });

  it("leave the sandbox's repository and zone as they are", () => {
    const cloudflare = { ...EXAMPLE.cloudflare, url: "http://127.0.0.1:1001" };
    const origins = EXAMPLE.origins.map((origin) => ({ ...origin, url: "http://127.0.0.1:1002" }));
    const settings = settingsOf(
      { ...EXAMPLE, cloudflare, origins },
      { name: "sandbox", flyBaseUrl: "http://127.0.0.1:1003" },
    );
    const { documents } = synthesize(settings);
    const types = [...documents.values()].flatMap(({ resources }) => resources.map(({ type }) => type));
    expect(
      types.filter((type) =>
        /^(github_repository|cloudflare_(zone_setting|ruleset|workers_custom_domain))$/.test(type),
      ),
    ).toEqual([]);
    expect([...documents.values()].flatMap((document) => checkAll(RULES, document))).toEqual([]);
    const fly = documents
      .get("sandbox-base-app-fly")
      ?.settings.find(({ address }) => address === "provider.fly")?.values;
    expect(fly).toEqual({ org_slug: "personal", base_url: "http://127.0.0.1:1003" });
  });
});
