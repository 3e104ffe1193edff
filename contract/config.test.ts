import { describe, expect, it } from "vitest";
import { type ConfigInput, type EnvironmentInput, parseConfig } from "./config.ts";

const PRODUCTION: EnvironmentInput = {
  github: { owner: "acme", repo: "mcp", environment: "production" },
  cloudflare: {
    accountId: "0123456789abcdef0123456789abcdef",
    zone: "example.com",
    hostname: "mcp.example.com",
    worker: "gateway",
  },
  origins: [{ name: "fly", kind: "fly", url: "https://origin.fly.dev", app: "origin" }],
  auth: { issuer: "https://issuer.example", audience: "https://mcp.example.com/mcp" },
  image: "ghcr.io/acme/origin:1.0.0",
};
const withNames = (names: Partial<EnvironmentInput["cloudflare"]>): EnvironmentInput => ({
  ...PRODUCTION,
  cloudflare: { ...PRODUCTION.cloudflare, ...names },
});
const issuesOf = (environments: ConfigInput["environments"]) => {
  const parsed = parseConfig({ environments });
  return parsed.ok ? [] : parsed.error;
};

describe("audience", () => {
  it.each([
    "https://mcp.example.com",
    "https://mcp.example.com/other",
    "https://mcp.example.com/mcp?x=1",
    "https://mcp.example.com/a/mcp",
  ])("%s is refused: the metadata of such a resource would not be found", (audience) => {
    expect(issuesOf({ production: { ...PRODUCTION, auth: { ...PRODUCTION.auth, audience } } })).toEqual([
      { path: "environments.production.auth.audience", message: "the URL of the MCP endpoint, which ends with /mcp" },
    ]);
  });
});

describe("environments in one zone", () => {
  it("may not both protect it", () => {
    expect(
      issuesOf({ production: PRODUCTION, staging: withNames({ zone: "Example.com", worker: "staging" }) }),
    ).toEqual([
      {
        path: "environments.staging.cloudflare.zoneProtection",
        message:
          'environment "production" protects the same zone, and a zone has one set of settings and rulesets: say false here',
      },
    ]);
  });

  it.each<[string, Partial<EnvironmentInput["cloudflare"]>]>([
    ["one of them leaves it to the other", { zoneProtection: false }],
    ["they are in different zones", { zone: "example.org" }],
    ["one of them is on this machine", { url: "http://127.0.0.1:1001" }],
  ])("are accepted when %s", (_case, names) => {
    expect(issuesOf({ production: PRODUCTION, staging: withNames({ worker: "staging", ...names }) })).toEqual([]);
  });
});
