import { describe, expect, it } from "vitest";
import { parseConfig, type EnvironmentInput } from "./config.ts";
import { gatewayConfigOf, originConfigOf } from "./process-config.ts";
import { parseGatewayConfig, parseOriginConfig } from "./runtime-config.ts";

const INPUT: EnvironmentInput = {
  github: { owner: "acme", repo: "mcp", environment: "production" },
  cloudflare: {
    accountId: "0123456789abcdef0123456789abcdef",
    zone: "example.com",
    hostname: "mcp.example.com",
    worker: "gw",
  },
  origins: [{ name: "fly", kind: "fly", url: "https://mcpist-origin.fly.dev", app: "mcpist-origin" }],
  auth: { issuer: "https://issuer.example.com/auth/v1", audience: "https://mcp.example.com/mcp" },
  image: "ghcr.io/acme/mcpist-origin:1.0.0",
};

/** What is wrong with an environment; what its processes refuse where nothing is. */
function refusals(change: Partial<EnvironmentInput>): readonly unknown[] {
  const parsed = parseConfig({ environments: { production: { ...INPUT, ...change } } });
  if (!parsed.ok) return parsed.error;
  const environment = parsed.value.environments["production"];
  if (!environment) throw new TypeError("the environment is there");
  const read = [
    parseGatewayConfig(JSON.stringify(gatewayConfigOf("production", environment))),
    parseOriginConfig(JSON.stringify(originConfigOf("production", environment, "fly"))),
  ];
  return read.flatMap((result) => (result.ok ? [] : [`a process refuses ${result.error}`]));
}

describe("what the configuration says", () => {
  it("is what its processes take", () => {
    expect(refusals({})).toEqual([]);
    expect(refusals({ auth: { ...INPUT.auth, maxLifetime: "1s" } })).toEqual([]);
    expect(refusals({ auth: { ...INPUT.auth, maxLifetime: "87600h" } })).toEqual([]);
    expect(refusals({ servers: { dice: { command: ["/bin/dice", ""] } } })).toEqual([]);
  });

  it.each<[string, Partial<EnvironmentInput>, string, string]>([
    [
      "tokens that live no time",
      { auth: { ...INPUT.auth, maxLifetime: "0s" } },
      "auth.maxLifetime",
      "no token lives shorter than a second: say at least 1s",
    ],
    [
      "tokens that live less than the second in which times are told",
      { auth: { ...INPUT.auth, maxLifetime: "999ms" } },
      "auth.maxLifetime",
      "no token lives shorter than a second: say at least 1s",
    ],
    [
      "a time that no number holds",
      { auth: { ...INPUT.auth, maxLifetime: `${"9".repeat(400)}h` } },
      "auth.maxLifetime",
      "it is longer than ten years (87600h)",
    ],
    [
      "a time that no date holds",
      { maxSecretAge: "99999999999h" },
      "maxSecretAge",
      "it is longer than ten years (87600h)",
    ],
    [
      "a program without a name",
      { servers: { dice: { command: [""] } } },
      "servers.dice.command",
      "the program has no name",
    ],
  ])("refuses, before a process does: %s", (_, change, path, message) => {
    expect(refusals(change)).toEqual([{ path: `environments.production.${path}`, message }]);
  });
});
