/** Every name, address and id of a configuration, spelt as people misspell it: the error says what is wrong, and never repeats it. */
import { describe, expect, it } from "vitest";
import { parseConfig } from "./config.ts";

const settings = () => ({
  github: { owner: "acme", repo: "mcp", environment: "production" },
  cloudflare: {
    accountId: "0123456789abcdef0123456789abcdef",
    zone: "example.com",
    hostname: "mcp.example.com",
    worker: "gateway",
  },
  origins: [
    { name: "koyeb", kind: "koyeb", url: "https://acme.koyeb.app", app: "mcpist", service: "origin", region: "fra" },
    { name: "fly", kind: "fly", url: "https://acme.fly.dev", app: "acme", region: "nrt" },
  ],
  auth: {
    issuer: "https://issuer.example",
    audience: "https://mcp.example.com/mcp",
    alsoAudiences: ["userinfo"],
    jwksUrl: "https://issuer.example/keys",
    maxLifetime: "24h",
    clientIds: ["client"],
    requiredScopes: ["mcp"],
  },
  image: "ghcr.io/acme/origin:1.0.0",
  allowedOrigins: ["https://app.example.com"],
  modules: {
    baseUrls: { github: "https://github.example.com/api/v3" },
    httpStatusHosts: ["api.example.com"],
    brokerUrl: "https://broker.example",
    alertWebhook: "https://hooks.example/x",
  },
  servers: { weather: { command: ["weather-mcp"], secrets: ["WEATHER_KEY"] } },
  secrets: { WEATHER_KEY: { purpose: "key", to: ["origins"] } },
  securityContact: "mailto:security@example.com",
  notifyWebhookVariable: "MCPIST_NOTIFY_URL",
  backend: { type: "s3", bucket: "mcpist-state", endpoint: "https://acme.r2.cloudflarestorage.com" },
  fly: { organization: "personal" },
});

/** What a configuration says in which one setting, named by its path, is `value`. */
function saidOf(path: string, value: string): readonly { readonly path: string; readonly message: string }[] {
  const production = settings();
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  const place = keys.reduce<Record<string, unknown>>((at, key) => at[key] as Record<string, unknown>, production);
  place[last] = value;
  const parsed = parseConfig({ environments: { production } });
  return parsed.ok ? [] : parsed.error;
}

const HOST = "it must be a host name in lower case, such as mcp.example.com";
const PLATFORM = "it must be lower-case letters, digits and dashes, at most 31, no dash at the end";
const PLACE = "it must be its short name at the platform: lower-case letters, digits and dashes";
const ADDRESS = "it must be an https URL (http only on loopback)";
const OWNER = "it must be the name of a user or organization: letters, digits, - and _, at most 39";
const REPOSITORY = "it must be the name of a repository: letters, digits, ., - and _, at most 100";
const ACCOUNT = "it must be 32 lower-case hex characters, as the dashboard shows";
const PICTURE = "it must be an image such as ghcr.io/acme/mcpist-origin:1.0.0";
const ENDPOINT = "it must be the URL of the MCP endpoint, which ends with /mcp";
const DURATION = 'it must be a duration such as "90s" or "30m"';

it("of the configuration below nothing is wrong", () => {
  expect(parseConfig({ environments: { production: settings() } }).ok).toBe(true);
});

describe("what is wrong is named", () => {
  it.each([
    ["cloudflare.hostname", "mcp.example.com.", "it ends with a dot", HOST],
    ["cloudflare.hostname", "mcp.example.com ", "it ends with white space", HOST],
    ["cloudflare.hostname", "\tmcp.example.com", "it begins with white space", HOST],
    ["cloudflare.hostname", "mcp .example.com", "it has white space in it", HOST],
    ["cloudflare.hostname", "\u200bmcp.example.com", "it has an invisible character in it", HOST],
    ["cloudflare.hostname", "\ufeffmcp.example.com", "it has an invisible character in it", HOST],
    ["cloudflare.hostname", "“mcp.example.com”", "it has quotes of its own", HOST],
    ["cloudflare.hostname", "MCP.example.com", "it has upper case in it", HOST],
    ["cloudflare.hostname", "https://mcp.example.com", "it has a scheme in front: only the name is wanted", HOST],
    ["cloudflare.hostname", "mcp.example.com/mcp", "it has a path behind it: only the name is wanted", HOST],
    ["cloudflare.hostname", "mcp.example.com/", "it has a path behind it: only the name is wanted", HOST],
    ["cloudflare.hostname", "mcp.example.com:8443", "it has a port behind it: only the name is wanted", HOST],
    ["cloudflare.hostname", "me@mcp.example.com", "it has a user in front", HOST],
    [
      "cloudflare.hostname",
      "日本.example",
      "it has a letter outside of ASCII in it: write the form that begins with xn--",
      HOST,
    ],
    ["cloudflare.hostname", "mcp_1.example.com", "it has an underscore in it", HOST],
    ["cloudflare.hostname", "*.example.com", "it has a wildcard in it", HOST],
    ["cloudflare.hostname", "192.0.2.1", "it is an address, not a name", HOST],
    ["cloudflare.hostname", "mcp..example.com", "it has nothing before one of its dots", HOST],
    ["cloudflare.hostname", "-mcp.example.com", "it has a part that begins or ends with a dash", HOST],
    ["cloudflare.hostname", "mcp", "it has no dot in it", HOST],
    ["cloudflare.hostname", `${"a".repeat(64)}.example.com`, "it has a part of more than 63 characters", HOST],
    ["cloudflare.hostname", "a.".repeat(126) + "example", "it has more than 253 characters", HOST],
    ["cloudflare.zone", "example.com.", "it ends with a dot", HOST],
    ["cloudflare.zone", "Example.com", "it has upper case in it", HOST],
    ["cloudflare.zone", "", "it is empty", HOST],
    ["cloudflare.accountId", "0123456789ABCDEF0123456789abcdef", "it has upper case in it", ACCOUNT],
    ["cloudflare.accountId", "0123456789abcdef0123456789abcde", "it has fewer than 32 characters", ACCOUNT],
    ["cloudflare.accountId", "0123456789abcdef0123456789abcdef0", "it has more than 32 characters", ACCOUNT],
    ["cloudflare.accountId", "01234567-89ab-cdef-0123-456789abcdef", "it has dashes in it", ACCOUNT],
    ["cloudflare.accountId", "0123456789abcdef0123456789abcdef\n", "it ends with white space", ACCOUNT],
    ["cloudflare.worker", "Gateway", "it has upper case in it", PLATFORM],
    ["cloudflare.worker", "mcp_gateway", "it has an underscore in it", PLATFORM],
    ["cloudflare.worker", "gateway-", "it ends with a dash", PLATFORM],
    ["cloudflare.worker", "1gateway", "it does not begin with a letter", PLATFORM],
    ["cloudflare.worker", "g".repeat(32), "it has more than 31 characters", PLATFORM],
    ["origins.1.app", "acme.fly.dev", "it has a dot in it", PLATFORM],
    ["origins.1.app", "https://acme.fly.dev", "it has a scheme in front: only the name is wanted", PLATFORM],
    ["origins.0.service", "mcpist/origin", "it has a slash in it", PLATFORM],
    ["origins.0.name", " koyeb", "it begins with white space", PLATFORM],
    ["origins.0.region", "FRA", "it has upper case in it", PLACE],
    ["origins.1.region", "nrt ", "it ends with white space", PLACE],
    ["origins.1.url", "acme.fly.dev", "it has no scheme in front, such as https://", ADDRESS],
    ["origins.1.url", "http://acme.fly.dev", "it is plain http to another machine", ADDRESS],
    ["origins.1.url", "wss://acme.fly.dev", "it has another scheme", ADDRESS],
    ["origins.1.url", "https://acme.fly.dev ", "it ends with white space", ADDRESS],
    ["origins.1.url", "https://acme.fly.dev.", "it has a dot behind its host", ADDRESS],
    ["origins.1.url", "https://acme.fly.dev.:443/x", "it has a dot behind its host", ADDRESS],
    ["origins.1.url", "https://me:x@acme.fly.dev", "it has a user or a password in it", ADDRESS],
    ["origins.1.url", "https://acme.fly.dev/#x", "it has a # in it", ADDRESS],
    ["origins.1.url", "https:\\\\acme.fly.dev", "it has no scheme in front, such as https://", ADDRESS],
    ["auth.issuer", "issuer.example", "it has no scheme in front, such as https://", ADDRESS],
    ["auth.jwksUrl", " https://issuer.example/keys", "it begins with white space", ADDRESS],
    ["auth.audience", "https://mcp.example.com/mcp/", "it ends with a slash", ENDPOINT],
    ["auth.audience", "https://mcp.example.com", "it has no path", ENDPOINT],
    ["auth.audience", "https://mcp.example.com/mcp?x=1", "it has a query", ENDPOINT],
    ["auth.audience", "https://mcp.example.com/other", "it has another path", ENDPOINT],
    ["auth.audience", "mcp.example.com/mcp", "it has no scheme in front, such as https://", ADDRESS],
    ["auth.maxLifetime", "90", "it has no unit", DURATION],
    ["auth.maxLifetime", "1 h", "it has white space in it", DURATION],
    ["auth.maxLifetime", "1.5h", "it is no whole number", DURATION],
    ["auth.maxLifetime", "1h30m", "it has more than one unit", DURATION],
    ["auth.maxLifetime", "2d", "it has a unit that is not known here (ms, s, m or h)", DURATION],
    ["github.owner", "@acme", "it has an @ in front", OWNER],
    ["github.owner", "acme/mcp", "it has a slash in it: the repository has a setting of its own", OWNER],
    ["github.owner", "https://github.com/acme", "it has a scheme in front: only the name is wanted", OWNER],
    ["github.owner", "a".repeat(40), "it has more than 39 characters", OWNER],
    ["github.repo", "acme/mcp", "it has a slash in it: its owner has a setting of its own", REPOSITORY],
    ["github.repo", "mcp ", "it ends with white space", REPOSITORY],
    ["github.environment", "Production", "it has upper case in it", PLATFORM],
    ["image", "ghcr.io/Acme/origin:1.0.0", "it has upper case in its name, which no registry takes", PICTURE],
    ["image", " ghcr.io/acme/origin:1.0.0", "it begins with white space", PICTURE],
    ["image", "https://ghcr.io/acme/origin:1.0.0", "it has a scheme in front: only the name is wanted", PICTURE],
    ["image", "ghcr.io/acme/origin:", "it ends with a colon: the tag is missing", PICTURE],
    ["image", "ghcr.io/acme/", "it has a slash with nothing beside it", PICTURE],
    ["image", "ghcr.io/acme/origin@sha256:abc", "it has a digest that is not sha256: and 64 hex characters", PICTURE],
    [
      "modules.httpStatusHosts.0",
      "api.example.com:443",
      "it has a port behind it: only the name is wanted",
      "it must be a host name in lower case, without a port",
    ],
    [
      "servers.weather.secrets.0",
      "weather_key",
      "it has lower case in it",
      "it must be a name in upper case such as WEATHER_KEY",
    ],
    ["securityContact", "security@example.com", "it has no mailto: in front", "it must be a mailto: or https: address"],
    [
      "notifyWebhookVariable",
      "https://hooks.example/x",
      "it is a URL",
      "it must be the name of a variable in upper case, such as MCPIST_NOTIFY_URL, not what it holds",
    ],
    [
      "auth.requiredScopes.0",
      "mcp read",
      "it has white space in it: each scope is an entry of its own",
      "it must be a scope as RFC 6749 writes it",
    ],
    [
      "backend.bucket",
      "mcpist_state",
      "it has an underscore in it",
      "it must be the name of a bucket: 3 to 63 lower-case letters, digits, dots and dashes",
    ],
    ["backend.endpoint", "acme.r2.cloudflarestorage.com", "it has no scheme in front, such as https://", ADDRESS],
    ["fly.organization", "Personal", "it has upper case in it", PLACE],
  ])("of %s: %j", (path, value, fault, wanted) => {
    expect(saidOf(path, value)[0]).toEqual({ path: `environments.production.${path}`, message: `${fault}; ${wanted}` });
  });

  it.each([
    ["auth.clientIds.0", "client ", "it ends with white space"],
    ["auth.alsoAudiences.0", "", "it is empty"],
    ["auth.alsoAudiences.0", "user\u200binfo", "it has an invisible character in it"],
    ["github.repo", "mcp.git", "it ends with .git: leave that out"],
    ["auth.issuer", "https://issuer.example/?x=1", "a URL without a query"],
  ])("of %s: %j, whose grammar is not ours", (path, value, message) => {
    expect(saidOf(path, value)).toEqual([{ path: `environments.production.${path}`, message }]);
  });

  it.each([
    ["an environment", { Production: settings() }, "environments.Production", "it has upper case in it"],
    [
      "an environment with a blank",
      { "production ": settings() },
      "environments.production ",
      "it ends with white space",
    ],
    [
      "a server",
      { production: { ...settings(), servers: { Weather: { command: ["x"] } } } },
      "environments.production.servers.Weather",
      "it has upper case in it",
    ],
    [
      "a secret",
      { production: { ...settings(), servers: {}, secrets: { "weather-key": { purpose: "key", to: ["origins"] } } } },
      "environments.production.secrets.weather-key",
      "it has lower case in it",
    ],
  ])("of the name of %s", (_, environments, path, fault) => {
    const parsed = parseConfig({ environments });
    expect(parsed.ok ? [] : parsed.error).toContainEqual({
      path,
      message: expect.stringMatching(`^${fault}; it must be `) as string,
    });
  });
});

it("a text that is pasted into the wrong place is not told back", () => {
  const pasted = "sk_live_51H8xqyAbCdEfGh";
  for (const path of [
    "cloudflare.hostname",
    "cloudflare.accountId",
    "github.owner",
    "origins.1.url",
    "image",
    "auth.maxLifetime",
  ])
    expect(JSON.stringify(saidOf(path, `${pasted} ?`))).not.toContain(pasted);
});
