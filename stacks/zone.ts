/**
 * What the gateway asks of its DNS zone: encryption that cannot be switched off from outside, and two coarse shields in front
 * of the Worker. Works on every Cloudflare plan. Settings of a zone hold for all of its names, so each one is a floor that
 * other sites in the zone should want as well; HSTS therefore says nothing about subdomains.
 */
import { MCP_PATH } from "../contract/headers.ts";
import type { McpistStack } from "./stack.ts";
import { DataResource, Ruleset, type TerraformResource, ZoneSetting } from "./cdktf.ts";
import { DECLARED_HSTS } from "./live-state.ts";

/** The zone and the name in it that the gateway answers to. */
export interface ZoneProtection {
  /** Token or 32 hex characters. */
  readonly zoneId: string;
  readonly hostname: string;
  /** The Worker's own limit per address, from which the flood shield is derived. */
  readonly requestsPerMinute: number;
}

/** Two years, as browsers' preload lists ask for. */
const HSTS_MAX_AGE_SECONDS = 63_072_000;
/** The only period and timeout that the free plan has. */
const FLOOD_PERIOD_SECONDS = 10;

const SETTINGS: Readonly<Record<string, unknown>> = {
  always_use_https: "on",
  min_tls_version: "1.2",
  // To origins behind the zone: their certificate is checked. The Worker's own fetches always check it.
  ssl: "strict",
  tls_1_3: "on",
  security_header: {
    strict_transport_security: {
      enabled: true,
      max_age: HSTS_MAX_AGE_SECONDS,
      include_subdomains: false,
      preload: false,
      nosniff: true,
    },
  },
};

/**
 * An update of the provider (5.19 to 5.22 at least) sends the members that changed and leaves the others out, which the API takes for
 * the whole value or refuses; the next deploy then sends the rest alone and fails. So a value with members is never updated: it is
 * declared a second time where no account can change it, the setting is made anew, whole, when the declaration changes, and what
 * somebody changed by hand is found by comparing both (live-state.ts). Making it anew costs nothing: its removal is only forgotten.
 */
function neverInPart(stack: McpistStack, setting: ZoneSetting, value: unknown): void {
  // The bindings know maps only, and the policy plain texts.
  new DataResource(stack, DECLARED_HSTS).addOverride("input", JSON.stringify(value));
  setting.addOverride("lifecycle", {
    ignore_changes: ["value"],
    replace_triggered_by: [`terraform_data.${DECLARED_HSTS}`],
  });
}

/** Declares the settings and rulesets of a zone. @returns all of them, for what must wait until they are there. */
export function protectZone(
  stack: McpistStack,
  { zoneId, hostname, requestsPerMinute }: ZoneProtection,
): readonly TerraformResource[] {
  const settings = Object.entries(SETTINGS).map(([settingId, value]) => {
    const setting = new ZoneSetting(stack, settingId.replaceAll("_", "-"), { zoneId, settingId, value: {} });
    // The attribute takes any type; the prebuilt bindings know maps only.
    setting.addOverride("value", value);
    if (typeof value === "object") neverInPart(stack, setting, value);
    return setting;
  });
  const host = `http.host eq ${JSON.stringify(hostname)}`;
  const firewall = new Ruleset(stack, "firewall", {
    zoneId,
    name: "mcpist gateway",
    kind: "zone",
    phase: "http_request_firewall_custom",
    rules: [
      {
        ref: "mcpist_methods",
        description: "methods that the gateway has no answer for",
        // DELETE stays: MCP clients end a session with it and expect the Worker's 405.
        expression: `(${host} and not http.request.method in {"GET" "HEAD" "POST" "OPTIONS" "DELETE"})`,
        action: "block",
        enabled: true,
      },
    ],
  });
  const flood = new Ruleset(stack, "flood", {
    zoneId,
    name: "mcpist gateway flood",
    kind: "zone",
    phase: "http_ratelimit",
    rules: [
      {
        ref: "mcpist_flood",
        description: "a flood from one address, six times what the Worker itself admits",
        // By path alone, and so for every environment in the zone: the free plan counts by path and verified bots, not by host.
        // Source: developers.cloudflare.com/waf/rate-limiting-rules (availability).
        expression: `(http.request.uri.path in {${JSON.stringify(MCP_PATH)} ${JSON.stringify(`${MCP_PATH}/`)}})`,
        action: "block",
        enabled: true,
        ratelimit: {
          characteristics: ["ip.src", "cf.colo.id"],
          period: FLOOD_PERIOD_SECONDS,
          // A minute's allowance within ten seconds: hosted MCP clients share addresses and must not meet this one.
          requestsPerPeriod: requestsPerMinute,
          mitigationTimeout: FLOOD_PERIOD_SECONDS,
        },
      },
    ],
  });
  return [...settings, firewall, flood];
}
