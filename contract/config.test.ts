import { describe, expect, it } from "vitest";
import { type ConfigInput, type EnvironmentInput, parseConfig } from "./config.ts";
import { gatewayConfigOf } from "./process-config.ts";

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
/** An environment of its own beside PRODUCTION. */
const stagingWith = (names: Partial<EnvironmentInput["cloudflare"]>): EnvironmentInput => ({
  ...withNames({ worker: "staging", ...names }),
  github: { owner: "acme", repo: "mcp", environment: "staging" },
  origins: [{ name: "fly", kind: "fly", url: "https://staging.fly.dev", app: "staging" }],
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
    "https://mcp.example.com/mcp/",
  ])("%s is refused: the metadata of such a resource would not be found", (audience) => {
    expect(issuesOf({ production: { ...PRODUCTION, auth: { ...PRODUCTION.auth, audience } } })).toEqual([
      {
        path: "environments.production.auth.audience",
        message: expect.stringMatching(/^it .*; it must be the URL of the MCP endpoint, which ends with \/mcp$/),
      },
    ]);
  });
});

const AUDIENCE = "environments.production.auth.audience";
const withAuth = (auth: Partial<EnvironmentInput["auth"]>): EnvironmentInput => ({
  ...PRODUCTION,
  auth: { ...PRODUCTION.auth, ...auth },
});

describe("a configuration that could never work", () => {
  it.each([
    ["https://MCP.Example.com/mcp", "it has upper case in its host"],
    ["https://mcp.example.com:443/mcp", "it names the default port"],
    ["HTTPS://mcp.example.com/mcp", "it has upper case in its scheme"],
    ["https://日本.example/mcp", "it has a letter outside of ASCII in its host: write the form that begins with xn--"],
  ])("is one whose audience nobody asks for: %s", (audience, fault) => {
    expect(issuesOf({ production: withAuth({ audience }) })).toContainEqual({
      path: AUDIENCE,
      message: `${fault}; it must be written as clients ask for it: lower-case host, no default port, no raw IDN`,
    });
  });

  it("is one whose audience is another host than the gateway's", () => {
    expect(issuesOf({ production: withAuth({ audience: "https://other.example/mcp" }) })).toEqual([
      {
        path: AUDIENCE,
        message: "the host must be cloudflare.hostname: clients ask for the address that they connect to",
      },
    ]);
  });

  it.each([
    { hostname: "MCP.Example.com" },
    { hostname: "mcp.example.com." },
    { hostname: " mcp.example.com" },
    { hostname: "mcp.example.com:8443" },
    { zone: "Example.com" },
    { zone: "example.com." },
    { zone: "example.com " },
    { accountId: "0123456789ABCDEF0123456789abcdef" },
  ])("is one with a name that compares unequal: %j", (names) => {
    const [key = ""] = Object.keys(names);
    expect(issuesOf({ production: withNames(names) }).map(({ path }) => path)).toContain(
      `environments.production.cloudflare.${key}`,
    );
  });

  it.each([
    ["*", "it has no scheme in front, such as https://"],
    ["app.example.com", "it has no scheme in front, such as https://"],
    ["https://*.example.com", "it has a wildcard in it"],
    ["https://app.example.com/path", "it has a path or a query behind it"],
    ["null", "it has no scheme in front, such as https://"],
  ])("is one with the web origin %s", (origin, fault) => {
    expect(issuesOf({ production: { ...PRODUCTION, allowedOrigins: [origin] } })).toEqual([
      {
        path: "environments.production.allowedOrigins.0",
        message: `${fault}; it must be a web origin such as "https://app.example.com": scheme and host, no path, no wildcard`,
      },
    ]);
  });

  it.each([
    "https:issuer.example",
    " https://issuer.example",
    "https://issuer.example ",
    "https:\\\\issuer.example",
    "https://issuer.example/?x=1",
    "https://issuer.example/#x",
    "http://issuer.example",
  ])("is one with the issuer %j", (issuer) => {
    expect(issuesOf({ production: withAuth({ issuer }) }).map(({ path }) => path)).toContain(
      "environments.production.auth.issuer",
    );
  });
});

describe("what is written in another way than it is compared", () => {
  const gatewayOf = (environment: EnvironmentInput) => {
    const parsed = parseConfig({ environments: { production: environment } });
    const production = parsed.ok ? parsed.value.environments["production"] : undefined;
    return production && gatewayConfigOf("production", production);
  };

  it("is a web origin, which is stored as browsers send it", () => {
    const allowedOrigins = ["https://app.example.com/", "HTTPS://App.Example.com:443", "http://LOCALHOST:6274"];
    expect(gatewayOf({ ...PRODUCTION, allowedOrigins })?.allowedOrigins).toEqual([
      "https://app.example.com",
      "https://app.example.com",
      "http://localhost:6274",
    ]);
  });

  it.each([
    ["https://tenant.eu.auth0.com/", "oidc", "https://tenant.eu.auth0.com/.well-known/jwks.json"],
    ["https://tenant.eu.auth0.com", "oidc", "https://tenant.eu.auth0.com/.well-known/jwks.json"],
    ["https://ref.supabase.co/auth/v1", "supabase", "https://ref.supabase.co/auth/v1/.well-known/jwks.json"],
    ["https://auth.example.com/auth/v1/", "supabase", "https://auth.example.com/auth/v1/.well-known/jwks.json"],
  ])("is never an issuer: %s stays, and its tokens keep the rules of %s", (issuer, provider, jwksUrl) => {
    expect(gatewayOf(withAuth({ issuer }))).toMatchObject({ issuer, jwksUrl, auth: { provider } });
  });

  it("may be told whose tokens they are", () => {
    expect(gatewayOf(withAuth({ provider: "supabase" }))).toMatchObject({ auth: { provider: "supabase" } });
  });
});

describe("a setting that does not exist", () => {
  const typo = (more: object) => issuesOf({ production: { ...PRODUCTION, ...more } });
  const [fly] = PRODUCTION.origins;

  it("is named, and so is the one that was meant", () => {
    expect(typo({ origins: [{ ...fly, regoin: "nrt" }] })).toEqual([
      { path: "environments.production.origins.0", message: 'unknown setting "regoin": is it "region"?' },
    ]);
    expect(typo({ alowedOrigins: [] })).toEqual([
      { path: "environments.production", message: 'unknown setting "alowedOrigins": is it "allowedOrigins"?' },
    ]);
  });

  it("comes before what follows from it", () => {
    const { hostname, ...rest } = PRODUCTION.cloudflare;
    expect(typo({ cloudflare: { ...rest, hostnam: hostname } })[0]).toEqual({
      path: "environments.production.cloudflare",
      message: 'unknown setting "hostnam": is it "hostname"?',
    });
  });

  it("is not told back when it is near nothing: it may be a value in the wrong place", () => {
    const secret = "sk_live_51H8xqyAbCdEfGh";
    const issues = typo({ limits: { [secret]: 1 } });
    expect(JSON.stringify(issues)).not.toContain(secret);
    expect(issues).toEqual([{ path: "environments.production.limits", message: "unknown setting" }]);
  });
});

describe("environments in one zone", () => {
  it("may not both protect it", () => {
    expect(issuesOf({ production: PRODUCTION, staging: stagingWith({}) })).toEqual([
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
    expect(issuesOf({ production: PRODUCTION, staging: stagingWith(names) })).toEqual([]);
  });
});
