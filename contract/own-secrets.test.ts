import { describe, expect, it } from "vitest";
import { type ConfigInput, type EnvironmentInput, parseConfig } from "./config.ts";
import { neededSecrets } from "./secret-names.ts";

const PRODUCTION: EnvironmentInput = {
  github: { owner: "acme", repo: "mcp", environment: "production" },
  cloudflare: {
    accountId: "0123456789abcdef0123456789abcdef",
    zone: "example.com",
    hostname: "mcp.example.com",
    worker: "gateway",
  },
  origins: [{ name: "koyeb", kind: "koyeb", url: "https://origin.koyeb.app", app: "origin", service: "origin" }],
  auth: { issuer: "https://issuer.example", audience: "https://mcp.example.com/mcp" },
  image: "ghcr.io/acme/origin:1.0.0",
};
const issuesOf = (environments: ConfigInput["environments"]): readonly string[] => {
  const parsed = parseConfig({ environments });
  return parsed.ok ? [] : parsed.error.map(({ path, message }) => `${path}: ${message}`);
};
type To = ("origins" | "worker" | "github")[];
const withSecret = (name: string, to: To): EnvironmentInput => ({
  ...PRODUCTION,
  secrets: { [name]: { purpose: "a key", to } },
});

describe("the name of a secret of one's own", () => {
  it.each([
    "DATABASE_URL",
    "GATEWAY_SECRET",
    "GATEWAY_SECRET_B",
    "MCPIST_CONFIG",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "LD_PRELOAD",
    "PGPASSWORD",
    "FLY_MACHINE_ID",
    "KOYEB_INSTANCE_ID",
    "DATABASE_URL_MARK",
    "WEATHER_KEY_MARK",
  ])("is not %s, which is read or written by somebody else already", (name) => {
    expect(issuesOf({ production: withSecret(name, ["origins"]) })).toEqual([
      `environments.production.secrets.${name}: a name that mcpist or a platform uses itself`,
    ]);
  });
  it.each<[string, To, string]>([
    ["KV", ["worker"], "the gateway's Worker has a binding of that name"],
    ["RL_IP", ["origins", "worker"], "the gateway's Worker has a binding of that name"],
    ["GITHUB_TOKEN", ["github"], "GitHub or a workflow of mcpist uses that name itself"],
    ["KOYEB_TOKEN", ["origins", "github"], "GitHub or a workflow of mcpist uses that name itself"],
    ["AWS_ACCESS_KEY_ID", ["github"], "GitHub or a workflow of mcpist uses that name itself"],
  ])("is not %s at %s", (name, to, message) => {
    expect(issuesOf({ production: withSecret(name, to) })).toEqual([
      `environments.production.secrets.${name}: ${message}`,
    ]);
  });
  it.each<[string, To]>([
    ["GITHUB_TOKEN", ["origins"]],
    ["FLY_API_TOKEN", ["origins"]],
    ["KV", ["origins"]],
    ["WEATHER_KEY", ["origins", "worker", "github"]],
    ["PG_BACKUP_KEY", ["origins"]],
  ])("may be %s at %s", (name, to) => {
    expect(issuesOf({ production: withSecret(name, to) })).toEqual([]);
  });
  it("is needed by origins only where it goes there", () => {
    const secrets = {
      WEATHER_KEY: { purpose: "a key", shape: "text", to: ["origins", "github"] },
      STRIPE_KEY: { purpose: "a key", shape: "text", to: ["worker"] },
    } as const;
    expect(neededSecrets({ database: "embedded", modules: { brokerUrl: null }, secrets })).toEqual([
      "REQUEST_STATE_KEY",
      "WEATHER_KEY",
    ]);
  });
});

describe("two environments of one installation", () => {
  const elsewhere = (environment: string, change: Partial<EnvironmentInput> = {}): EnvironmentInput => ({
    ...PRODUCTION,
    cloudflare: { ...PRODUCTION.cloudflare, worker: `gateway-${environment}`, zoneProtection: false },
    origins: PRODUCTION.origins.map((origin) =>
      origin.kind === "fly"
        ? { ...origin, app: `${origin.app}-${environment}` }
        : { ...origin, service: `origin-${environment}` },
    ),
    ...change,
    github: { ...PRODUCTION.github, ...change.github, environment },
  });

  it("cannot have a secret by which one would overwrite the gateway secret of the other at Koyeb", () => {
    const prod = { ...withSecret("EU_GATEWAY_SECRET_A", ["origins"]) };
    expect(issuesOf({ prod, "prod-eu": elsewhere("eu") })).toEqual([
      'environments.prod-eu.secrets: GATEWAY_SECRET_A would be the same secret as EU_GATEWAY_SECRET_A of environment "prod" (Koyeb: mcpist-prod-eu-gateway-secret-a): choose another name',
    ]);
  });
  it("nor in one repository without environments", () => {
    const github = { owner: "acme", repo: "mcp", environment: "prod", scope: "repository" } as const;
    const prod = { ...withSecret("EU_API_KEY", ["github"]), github };
    const eu = elsewhere("prod-eu", { github, secrets: { API_KEY: { purpose: "a key", to: ["github"] } } });
    expect(issuesOf({ prod, "other-eu": eu })).toEqual([
      'environments.other-eu.secrets: API_KEY would be the same secret as EU_API_KEY of environment "prod" (GitHub acme/mcp: PROD_EU_API_KEY): choose another name',
    ]);
  });
  it("may have secrets of one name, each its own", () => {
    const secrets: EnvironmentInput["secrets"] = { API_KEY: { purpose: "a key", to: ["origins", "worker", "github"] } };
    expect(issuesOf({ production: { ...PRODUCTION, secrets }, staging: elsewhere("staging", { secrets }) })).toEqual(
      [],
    );
  });
});

describe("an origin", () => {
  it.each(["worker", "github"])("is not called %s, as reports call somebody else", (name) => {
    const [koyeb] = PRODUCTION.origins;
    expect(issuesOf({ production: { ...PRODUCTION, origins: koyeb ? [{ ...koyeb, name }] : [] } })).toEqual([
      "environments.production.origins.0.name: reports call the gateway's Worker and GitHub so: choose another name",
    ]);
  });
});
