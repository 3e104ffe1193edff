import { describe, expect, it } from "vitest";
import { parseEnvironment } from "./config.ts";

const config = {
  environment: "production",
  origin: "koyeb",
  upstreams: {},
  httpStatusHosts: [],
  brokerUrl: null,
  alertWebhook: null,
};
const good = {
  MCPIST_CONFIG: JSON.stringify(config),
  DATABASE_URL: "postgres://mcpist_origin:canary-pass@db.example.com:5432/postgres?sslmode=verify-full",
  GATEWAY_SECRET_A: "canary-a",
  PATH: "/bin",
};
const parse = (env: Record<string, string | undefined>) => parseEnvironment(env, "id-1");

describe("environment of an origin", () => {
  it("has defaults for everything but the configuration and the database", () => {
    const parsed = parse(good);
    expect(parsed.ok && parsed.value).toMatchObject({
      port: 8080,
      host: "0.0.0.0",
      drainSeconds: 28,
      instanceId: "local-id-1",
      deployment: "local",
    });
    expect(parsed.ok && parsed.value.secrets).toEqual({ GATEWAY_SECRET_A: "canary-a" });
  });

  it("takes the platform's names of instance and deployment", () => {
    const fly = parse({ ...good, FLY_MACHINE_ID: "148e21b7c03d89", FLY_MACHINE_VERSION: "01J" });
    expect(fly.ok && [fly.value.instanceId, fly.value.deployment]).toEqual(["148e21b7c03d89", "01J"]);
    // A call of the full length comes to its end there before the Machine is killed.
    expect(fly.ok && fly.value.drainSeconds).toBe(60);
    const koyeb = parse({ ...good, KOYEB_INSTANCE_ID: "i-1", KOYEB_REGIONAL_DEPLOYMENT_ID: "d-1" });
    expect(koyeb.ok && [koyeb.value.instanceId, koyeb.value.deployment]).toEqual(["i-1", "d-1"]);
  });

  it.each([
    ["no configuration", { MCPIST_CONFIG: undefined }, "MCPIST_CONFIG is not set"],
    ["a configuration that is no JSON", { MCPIST_CONFIG: "{canary" }, "MCPIST_CONFIG must be a JSON object"],
    [
      "a configuration without origin",
      { MCPIST_CONFIG: JSON.stringify({ ...config, origin: undefined }) },
      'MCPIST_CONFIG has no usable "origin"',
    ],
    [
      "an origin that mcpist.config.ts would not take",
      { MCPIST_CONFIG: JSON.stringify({ ...config, origin: "koyeb-" }) },
      'MCPIST_CONFIG has no usable "origin": lower-case letters, digits and dashes, at most 31, no dash at the end',
    ],
    [
      "an origin that is no header value",
      { MCPIST_CONFIG: JSON.stringify({ ...config, origin: "a\nb" }) },
      'MCPIST_CONFIG has no usable "origin"',
    ],
    [
      "a webhook over http",
      { MCPIST_CONFIG: JSON.stringify({ ...config, alertWebhook: "http://canary.example" }) },
      'MCPIST_CONFIG has no usable "alertWebhook"',
    ],
    ["a port that is no number", { PORT: "80a" }, "PORT must be a whole number"],
    ["a port out of range", { PORT: "65536" }, "PORT must be between 0 and 65535"],
    [
      "no database",
      { DATABASE_URL: undefined },
      "DATABASE_URL is not set, and the configuration does not ask for the embedded database",
    ],
    [
      "a database beyond this machine without TLS",
      { DATABASE_URL: "postgres://x:canary@db.example.com/postgres" },
      "DATABASE_URL must say sslmode=verify-full (sslmode=disable is for this machine, and for .internal and .flycast)",
    ],
    [
      "a database of another kind",
      { DATABASE_URL: "mysql://canary" },
      "DATABASE_URL must be a postgres:// URL without white space",
    ],
    ["a short key", { REQUEST_STATE_KEY: "canary" }, "REQUEST_STATE_KEY must be 64 lower-case hex characters"],
    ["a short broker secret", { BROKER_SECRET: "canary" }, "BROKER_SECRET must be 64 lower-case hex characters"],
    [
      "an instance id with a line break",
      { FLY_MACHINE_ID: "a\nb" },
      "FLY_MACHINE_ID must be 1 to 200 printable characters",
    ],
  ])("is refused with %s, in words without the value", (_, change, message) => {
    const parsed = parse({ ...good, ...change });
    expect(parsed.ok ? "" : parsed.error).toContain(message);
    expect(parsed.ok ? "" : parsed.error).not.toContain("canary");
  });

  it("does without DATABASE_URL only when the configuration says embedded", () => {
    const parsed = parse({
      ...good,
      DATABASE_URL: undefined,
      MCPIST_CONFIG: JSON.stringify({ ...config, database: "embedded" }),
    });
    expect(parsed.ok && parsed.value.databaseUrl).toBeNull();
  });
});
