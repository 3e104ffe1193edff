/** A public hostname is served by a zone that insists on encryption; every other public port ends TLS as well. */
import { isRecord } from "../../contract/json.ts";
import { blocks, type PolicyDocument, UNKNOWN } from "../document.ts";
import { ELSEWHERE, ZONE_PROTECTION } from "../zone-protection.ts";
import type { Rule } from "./rule.ts";

/** 180 days. */
const HSTS_MIN_SECONDS = 180 * 24 * 60 * 60;

/** Long enough that a browser still knows it at the next visit; what scanners ask for as well. */
function isLastingHsts(value: unknown): boolean {
  const header = isRecord(value) ? value["strict_transport_security"] : undefined;
  return isRecord(header) && header["enabled"] === true && Number(header["max_age"]) >= HSTS_MIN_SECONDS;
}

/** What a zone with a gateway in it must say. */
const REQUIRED: Readonly<Record<string, (value: unknown) => boolean>> = {
  always_use_https: (value) => value === "on",
  min_tls_version: (value) => value === "1.2" || value === "1.3",
  security_header: isLastingHsts,
  ssl: (value) => value === "strict",
};
const PUBLISHES = new Set(["cloudflare_workers_custom_domain", "cloudflare_workers_route"]);

/** True when another environment is said to protect the zone: as an output of a synthesis, a plan or a state. */
function isElsewhere({ raw }: PolicyDocument): boolean {
  return [
    raw["output"],
    ...["planned_values", "values"].map((key) => (isRecord(raw[key]) ? raw[key]["outputs"] : undefined)),
  ].some((outputs) => isRecord(outputs) && blocks(outputs, ZONE_PROTECTION).some(({ value }) => value === ELSEWHERE));
}

function zoneGaps(document: PolicyDocument): readonly string[] {
  if (isElsewhere(document)) return [];
  const published = document.resources.filter(({ mode, type }) => mode === "managed" && PUBLISHES.has(type));
  const settings = document.resources.filter(({ type }) => type === "cloudflare_zone_setting");
  return published.flatMap(({ address, values: { zone_id: zone } }) =>
    Object.entries(REQUIRED)
      .filter(([id, holds]) => {
        const own = settings.filter(({ values }) => values["setting_id"] === id && values["zone_id"] === zone);
        return zone === UNKNOWN || own.length === 0 || !own.every(({ values }) => holds(values["value"]));
      })
      .map(([id]) => `${address}: its zone does not set ${id} as it must`),
  );
}

function plainPorts(document: PolicyDocument): readonly string[] {
  return document.resources
    .filter(({ type }) => type === "fly_machine")
    .flatMap(({ address, values }) =>
      blocks(values, "service")
        .flatMap((service) => blocks(service, "port"))
        .filter(({ handlers }) => !Array.isArray(handlers) || !handlers.includes("tls"))
        .map(({ port }) => `${address}: port ${String(port)} is served without TLS`),
    );
}

const setting = (id: string, value: unknown) => ({ setting_id: id, value });

export const tlsMinimum: Rule = {
  name: "tls-minimum",
  why: "a bearer token that crosses one hop in clear belongs to everybody on that hop",
  check: (document) => [...zoneGaps(document), ...plainPorts(document)],
  examples: {
    accepted: {
      resource: {
        cloudflare_workers_custom_domain: { hostname: { hostname: "mcp.example.com" } },
        cloudflare_zone_setting: {
          a: setting("always_use_https", "on"),
          b: setting("min_tls_version", "1.2"),
          c: setting("security_header", { strict_transport_security: { enabled: true, max_age: 63_072_000 } }),
          d: setting("ssl", "strict"),
        },
        fly_machine: { machine: { service: [{ port: [{ port: 443, handlers: ["tls", "http"] }] }] } },
      },
    },
    refused: { resource: { cloudflare_workers_custom_domain: { hostname: { hostname: "mcp.example.com" } } } },
  },
};
