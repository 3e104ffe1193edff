/** Environments for tests, made by the schema itself. */
import { parseConfig, type Environment, type EnvironmentInput } from "../../contract/config.ts";

/** What a person would write: one origin of each kind. */
export const ENVIRONMENT_INPUT: EnvironmentInput = {
  github: { owner: "acme", repo: "mcp", environment: "production" },
  cloudflare: {
    accountId: "0123456789abcdef0123456789abcdef",
    zone: "example.com",
    hostname: "mcp.example.com",
    worker: "gw",
  },
  origins: [
    { name: "koyeb", kind: "koyeb", url: "https://mcpist-acme.koyeb.app", app: "mcpist", service: "origin" },
    { name: "fly", kind: "fly", url: "https://mcpist-origin.fly.dev", app: "mcpist-origin" },
  ],
  auth: { issuer: "https://issuer.example.com/auth/v1", audience: "https://mcp.example.com/mcp" },
  image: "ghcr.io/acme/mcpist-origin:1.0.0",
};

/** An environment after defaults. @throws when the schema refuses it. */
export function testEnvironment(change: Partial<EnvironmentInput> = {}): Environment {
  const parsed = parseConfig({ environments: { production: { ...ENVIRONMENT_INPUT, ...change } } });
  if (!parsed.ok) throw new TypeError(parsed.error.map(({ path, message }) => `${path}: ${message}`).join(", "));
  const environment = parsed.value.environments["production"];
  if (!environment) throw new TypeError("the environment is missing");
  return environment;
}
