import { describe, expect, it } from "vitest";
import { originConfigOf } from "./process-config.ts";
import { accountsOf, joinedEnvironment } from "./rehearsal.ts";
import type { SandboxUrls } from "./sandbox.ts";

const SETTINGS = {
  github: { owner: "acme", repo: "tools", environment: "eu", scope: "repository" },
  cloudflare: { accountId: "f".repeat(32), zone: "acme.test", hostname: "mcp.acme.test", worker: "acme-gw" },
  origins: [
    { name: "frankfurt", kind: "koyeb", url: "https://a.koyeb.app", app: "acme", service: "svc" },
    { name: "tokyo", kind: "fly", url: "https://b.fly.dev", app: "acme-t", machines: 3, state: "joining" },
  ],
  auth: {
    issuer: "https://acme.eu.auth0.com/",
    provider: "oidc",
    jwksUrl: "https://acme.eu.auth0.com/keys",
    audience: "https://mcp.acme.test/mcp",
    requiredScopes: ["mcp:use"],
  },
  image: "ghcr.io/acme/own:1",
  limits: { burstPerSecond: 2 },
  drain: { minAge: "90s", quiet: "120s", max: "1h" },
  modules: {
    baseUrls: { github: "https://github.acme.test/api/v3" },
    brokerUrl: "https://acme.test/broker",
    alertWebhook: "https://acme.test/alerts",
    httpStatusHosts: ["status.acme.test"],
  },
  secrets: { WEATHER_KEY: { purpose: "weather", to: ["origins"] } },
  servers: {
    weather: { command: ["weather"], secrets: ["WEATHER_KEY"] },
    beside: { url: "http://127.0.0.1:9000/mcp" },
    elsewhere: { url: "https://mcp.internal.acme.test/mcp" },
  },
  notifyWebhookVariable: "HOOK",
  backend: { type: "s3", bucket: "acme-state", endpoint: "https://s3.acme.test" },
};
const URLS: SandboxUrls = {
  gateway: "http://127.0.0.1:1",
  github: "http://127.0.0.1:2",
  notion: "http://127.0.0.1:3",
  broker: "http://127.0.0.1:4/functions/v1/token-broker",
  cloudflare: "http://127.0.0.1:5/client/v4",
  koyeb: "http://127.0.0.1:6",
  fly: "http://127.0.0.1:7",
  issuer: "http://127.0.0.1:8/auth/v1",
  database: "postgres://postgres@127.0.0.1:9/postgres?sslmode=disable",
  control: "http://127.0.0.1:10",
  origins: { frankfurt: "http://127.0.0.1:11", tokyo: "http://127.0.0.1:12" },
  rehearses: { name: "staging", settings: SETTINGS, ownDrain: false },
};
const joined = (change: Partial<SandboxUrls> = {}) => {
  const result = joinedEnvironment({ ...URLS, ...change });
  if (!result.ok) throw new TypeError(JSON.stringify(result.error));
  return result.value;
};

describe("an environment that is rehearsed", () => {
  it("keeps its own names, places, limits and choices", () => {
    const { name, environment } = joined();
    expect(name).toBe("staging");
    expect(environment).toMatchObject({
      github: { owner: "acme", repo: "tools", environment: "eu", scope: "repository" },
      cloudflare: { zone: "acme.test", hostname: "mcp.acme.test", worker: "acme-gw" },
      origins: [
        { name: "frankfurt", app: "acme", service: "svc", state: "pool" },
        { name: "tokyo", app: "acme-t", machines: 3, state: "joining" },
      ],
      auth: { requiredScopes: ["mcp:use"] },
      image: "ghcr.io/acme/own:1",
      limits: { burstPerSecond: 2, perIpPerMinute: 1000 },
      secrets: { WEATHER_KEY: { purpose: "weather" } },
    });
    expect(accountsOf(environment)).toMatchObject({
      owner: "acme",
      repo: "tools",
      repositoryEnvironment: "eu",
      accountId: "f".repeat(32),
      zone: "acme.test",
      worker: "acme-gw",
    });
  });

  it("drains as briefly as the sandbox's own environment", () => {
    const { rehearses: _, ...own } = URLS;
    const origins = { koyeb: "http://127.0.0.1:11", fly: "http://127.0.0.1:12" };
    const sandbox = joinedEnvironment({ ...own, origins });
    expect(joined().environment.drain).toEqual(sandbox.ok && sandbox.value.environment.drain);
  });

  it("names no address but loopback, and tells nobody", () => {
    const { environment } = joined();
    // Names that nobody is asked at: the host that clients will use, and a list of what a tool may ask for.
    const { hostname, zone, ...cloudflare } = environment.cloudflare;
    const { httpStatusHosts, ...modules } = environment.modules;
    const text = JSON.stringify({ ...environment, cloudflare, modules });
    expect([hostname, zone, httpStatusHosts]).toEqual([
      "mcp.acme.test",
      "acme.test",
      ["status.acme.test", "127.0.0.1"],
    ]);
    expect(text).not.toMatch(/acme\.test|auth0|koyeb\.app|fly\.dev|HOOK|acme-state/);
    expect(environment.backend).toEqual({ type: "local" });
    expect(Object.keys(environment.servers)).toEqual(["weather", "beside"]);
  });

  it("drains for seconds, or for as long as it says itself", () => {
    expect(joined().environment.drain).toEqual({ minAge: 2000, quiet: 4000, max: 60_000 });
    const rehearses = { name: "staging", settings: SETTINGS, ownDrain: true };
    expect(joined({ rehearses }).environment.drain).toEqual({ minAge: 90_000, quiet: 120_000, max: 3_600_000 });
  });

  it("has the states that the rehearsal gave to its origins", () => {
    const { environment } = joined({ states: { frankfurt: "quarantined", tokyo: "pool" } });
    expect(environment.origins.map(({ state }) => state)).toEqual(["quarantined", "pool"]);
  });

  it("tells its origins that they are on this machine, and a real one's nothing of the kind", () => {
    const { environment } = joined();
    expect(originConfigOf("staging", environment, "tokyo").environment).toBe("sandbox");
    const real = { ...environment, cloudflare: { ...environment.cloudflare, url: "https://mcp.acme.test" } };
    expect(originConfigOf("staging", real, "tokyo").environment).toBe("staging");
  });
});
