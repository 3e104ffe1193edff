import { describe, expect, it } from "vitest";
import { type PolicyDocument, readDocument } from "./document.ts";
import {
  addressDrift,
  appSecretDrift,
  branchDrift,
  hostnameDrift,
  plannedAddresses,
  plannedBranches,
  plannedHostnames,
} from "./live-beside.ts";

const plan = (resources: readonly object[], configuration: object = {}): PolicyDocument => {
  const document = readDocument(JSON.stringify({ planned_values: { root_module: { resources } }, configuration }));
  if (!document.ok) throw new TypeError(document.error);
  return document.value;
};
const managed = (type: string, values: object) => ({ address: `${type}.one`, mode: "managed", type, values });

describe("addresses of an app", () => {
  const document = plan([
    managed("fly_ip", { app: "origin", type: "shared_v4", address: "198.51.100.2" }),
    managed("fly_ip", { app: "origin", type: "public_v6", address: "2001:db8::1" }),
  ]);
  it("that a plan has are known, and one more is named", () => {
    const [planned] = plannedAddresses(document);
    const live = [{ ip: "2001:db8::1" }, { ip: "198.51.100.2", shared: true }];
    expect(planned && addressDrift(planned, live)).toEqual([]);
    expect(planned && addressDrift(planned, [...live, { ip: "198.51.100.3" }])).toEqual([
      "app origin: address 198.51.100.3 is in no plan",
    ]);
    expect(planned && addressDrift(planned, [...live, { ip: "198.51.100.4", egress: true }])).toEqual([]);
  });
});

describe("secrets of an app", () => {
  const own = { WEATHER_KEY: { purpose: "weather", shape: "text", to: ["origins"] } } as const;
  it.each([
    [["GATEWAY_SECRET_A", "GATEWAY_SECRET_B", "DATABASE_URL", "DATABASE_URL_MARK", "GATEWAY_SECRET"], []],
    [["WEATHER_KEY", "WEATHER_KEY_MARK", "BROKER_SECRET"], []],
    [["NODE_OPTIONS", "DATABASE_URL"], ["NODE_OPTIONS"]],
    [
      ["MCPIST_CONFIG", "OTHER"],
      ["MCPIST_CONFIG", "OTHER"],
    ],
  ])("%j: what neither mcpist nor the configuration has is named", (names, strange) => {
    const live = names.map((name) => ({ name, digest: "canary" }));
    expect(appSecretDrift("origin", live, own)).toEqual(
      strange.map((name) => `app origin: secret ${name} is in no plan`),
    );
  });
});

describe("the hostname of a Worker", () => {
  const [planned] = plannedHostnames(
    plan([
      managed("cloudflare_workers_custom_domain", {
        account_id: "a",
        zone_id: "z",
        hostname: "mcp.example.com",
        service: "gateway",
      }),
    ]),
  );
  it.each([
    ["mcp.example.com/*", "other", true],
    ["mcp.example.com/mcp*", "", true],
    ["*.example.com/*", "other", true],
    ["*example.com/*", "other", true],
    ["https://MCP.example.com/*", "other", true],
    ["www.example.com/*", "gateway", true],
    ["www.example.com/*", "other", false],
    ["example.com/mcp.example.com", "other", false],
    ["mcpXexample.com/*", "other", false],
  ])("route %s to %j is told: %s", (pattern, script, told) => {
    expect(planned && hostnameDrift(planned, [{ id: "1", pattern, script }], [])).toEqual(
      told ? [`Worker gateway: route ${pattern} is in no plan`] : [],
    );
  });
  it("is the only one, or the other is named", () => {
    const domains = [
      { hostname: "mcp.example.com", service: "gateway" },
      { hostname: "www.example.com", service: "site" },
      { hostname: "open.example.com", service: "gateway" },
    ];
    expect(planned && hostnameDrift(planned, [], domains)).toEqual([
      "Worker gateway: hostname open.example.com is in no plan",
    ]);
  });
});

describe("branches of an environment", () => {
  const policy = managed("github_repository_environment_deployment_policy", {
    repository: "mcp",
    environment: "production",
    branch_pattern: "main",
  });
  const provider = { provider_config: { github: { expressions: { owner: { constant_value: "acme" } } } } };
  it("that a plan has are known, and another pattern is named", () => {
    const [planned] = plannedBranches(plan([policy], provider));
    expect(planned).toMatchObject({ owner: "acme", repository: "mcp", environment: "production" });
    const main = { id: 1, name: "main", type: "branch" };
    expect(planned && branchDrift(planned, [main])).toEqual([]);
    expect(planned && branchDrift(planned, [main, { name: "*" }, { name: "main", type: "tag" }])).toEqual([
      "environment production: branch pattern * is in no plan",
      "environment production: tag pattern main is in no plan",
    ]);
  });
  it("are not asked for where nobody says whose repository it is", () => {
    expect(plannedBranches(plan([policy]))).toEqual([]);
  });
});
