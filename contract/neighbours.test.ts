import { describe, expect, it } from "vitest";
import { type EnvironmentInput, parseConfig } from "./config.ts";

const koyeb = (service: string, url = `https://${service}-acme.koyeb.app`, name = "koyeb") =>
  ({ name, kind: "koyeb", url, app: "mcp", service }) as const;
const fly = (app: string, name = "fly") => ({ name, kind: "fly", url: `https://${app}.fly.dev`, app }) as const;

const PRODUCTION: EnvironmentInput = {
  github: { owner: "acme", repo: "mcp", environment: "production" },
  cloudflare: { accountId: "a".repeat(32), zone: "example.com", hostname: "mcp.example.com", worker: "gateway" },
  origins: [koyeb("origin"), fly("acme-origin")],
  auth: { issuer: "https://issuer.example", audience: "https://mcp.example.com/mcp" },
  image: "ghcr.io/acme/origin:1.0.0",
};
const STAGING: EnvironmentInput = {
  ...PRODUCTION,
  github: { owner: "acme", repo: "mcp", environment: "staging" },
  cloudflare: { ...PRODUCTION.cloudflare, worker: "staging", zoneProtection: false },
  origins: [koyeb("staging"), fly("acme-staging")],
};
const faults = (environments: Readonly<Record<string, EnvironmentInput>>): readonly string[] => {
  const parsed = parseConfig({ environments });
  return parsed.ok ? [] : parsed.error.map(({ path, message }) => `${path}: ${message}`);
};
const taken = (path: string, thing: string, by = "production") =>
  `environments.${path}: environment "${by}" uses ${thing} already, and each would overwrite the secrets of the other: name another one`;

describe("two environments", () => {
  it("may be neighbours in one repository, account and organisation", () => {
    expect(faults({ production: PRODUCTION, staging: STAGING })).toEqual([]);
  });

  it.each<[string, Partial<EnvironmentInput>, string]>([
    [
      "GitHub environment",
      { github: { owner: "Acme", repo: "MCP", environment: "production" } },
      taken("staging.github.environment", "the GitHub environment acme/mcp, production"),
    ],
    [
      "Worker",
      { cloudflare: { ...PRODUCTION.cloudflare, hostname: "mcp.example.com", zoneProtection: false } },
      taken("staging.cloudflare.worker", `the Worker gateway of ${"a".repeat(32)}`),
    ],
    ["Fly.io app", { origins: [fly("acme-origin")] }, taken("staging.origins.0.app", "the Fly.io app acme-origin")],
    [
      "Koyeb service",
      { origins: [fly("acme-staging"), koyeb("origin")] },
      taken("staging.origins.1.service", "the Koyeb service mcp/origin at origin-acme.koyeb.app"),
    ],
  ])("cannot have one %s", (_thing, change, fault) => {
    expect(faults({ production: PRODUCTION, staging: { ...STAGING, ...change } })).toEqual([fault]);
  });

  it("may have services of one name in two organisations at Koyeb, and Workers of one name in two accounts", () => {
    const elsewhere = {
      ...STAGING,
      cloudflare: { ...PRODUCTION.cloudflare, accountId: "b".repeat(32), zoneProtection: false },
      origins: [koyeb("origin", "https://origin-other.koyeb.app")],
    };
    expect(faults({ production: PRODUCTION, staging: elsewhere })).toEqual([]);
  });
});

it("two origins of one environment are not one app", () => {
  const origins = [fly("acme-origin"), fly("acme-origin", "second")];
  expect(faults({ production: { ...PRODUCTION, origins } })).toEqual([
    taken("production.origins.1.app", "the Fly.io app acme-origin"),
  ]);
});
