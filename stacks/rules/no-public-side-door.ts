/** There is one public way in, and it is the hostname whose zone has the rules. No second name, no second port. */
import { isRecord } from "../../contract/json.ts";
import { blocks, type PolicyDocument } from "../document.ts";
import { isLoopbackUrl } from "../../contract/loopback.ts";
import { ORIGIN_PORT } from "../origin-variables.ts";
import type { Rule } from "./rule.ts";

/** Unparsed text is no sandbox. */
function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return null;
  }
}

/** True when every origin of the Worker's configuration is on this machine: the sandbox, which has no zone. */
function isSandbox(document: PolicyDocument): boolean {
  const texts = document.resources
    .filter(({ type }) => type === "cloudflare_workers_script")
    .flatMap(({ values }) => blocks(values, "bindings"))
    .filter(({ name }) => name === "MCPIST_CONFIG")
    .map(({ text }) => text);
  return (
    texts.length > 0 &&
    texts.every((text) => {
      const config = parsed(text);
      const origins = isRecord(config) ? blocks(config, "origins") : [];
      return origins.length > 0 && origins.every(({ url }) => typeof url === "string" && isLoopbackUrl(url));
    })
  );
}

/** What of a Koyeb service is public beside the origin. */
function koyebDoors(definition: Readonly<Record<string, unknown>>): readonly string[] {
  const ports = blocks(definition, "ports");
  const [only] = ports;
  const one =
    ports.length === 1 &&
    only?.["port"] === ORIGIN_PORT &&
    (only["protocol"] === "http" || only["protocol"] === "http2");
  return [
    ...(one ? [] : ["more than the origin's one HTTP port is public"]),
    ...(blocks(definition, "proxy_ports").length === 0 ? [] : ["a TCP port is public"]),
    ...blocks(definition, "routes")
      .filter(({ port }) => port !== ORIGIN_PORT)
      .map(({ path }) => `the route ${String(path)} leads past the origin`),
  ];
}

export const noPublicSideDoor: Rule = {
  name: "no-public-side-door",
  why: "a name or port beside the gateway's hostname is reached without the zone's firewall, limits and logs",
  check: (document) =>
    document.resources.flatMap(({ address, mode, type, values }) => {
      if (mode === "data") return [];
      switch (type) {
        case "cloudflare_workers_script_subdomain":
          if (values["previews_enabled"] !== false) return [`${address}: previews have public names`];
          return values["enabled"] === false || isSandbox(document)
            ? []
            : [`${address}: the Worker answers on workers.dev`];
        case "cloudflare_workers_route":
          return String(values["pattern"]).includes("*.") ? [`${address}: the pattern takes in other hostnames`] : [];
        case "cloudflare_ruleset":
          return blocks(values, "rules").some(({ action, enabled }) => action !== "block" || enabled === false)
            ? [`${address}: a rule does something else than block`]
            : [];
        case "fly_machine":
          return blocks(values, "service").flatMap((service) => [
            ...blocks(service, "port")
              .filter(({ port }) => port !== 443)
              .map(({ port }) => `${address}: port ${String(port)} is public`),
            ...(service["internal_port"] === ORIGIN_PORT
              ? []
              : [`${address}: a port of the machine that is not the origin's is public`]),
          ]);
        case "koyeb_service":
          return blocks(values, "definition").flatMap((definition) =>
            koyebDoors(definition).map((door) => `${address}: ${door}`),
          );
        default:
          return [];
      }
    }),
  examples: {
    accepted: {
      resource: {
        cloudflare_workers_script_subdomain: { off: { enabled: false, previews_enabled: false } },
        fly_machine: {
          machine: { service: [{ internal_port: 8080, port: [{ port: 443, handlers: ["tls", "http"] }] }] },
        },
        koyeb_service: { service: { definition: [{ ports: [{ port: 8080, protocol: "http" }] }] } },
      },
    },
    refused: { resource: { cloudflare_workers_script_subdomain: { on: { enabled: true, previews_enabled: false } } } },
  },
};
