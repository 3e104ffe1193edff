/** The one zone of the account: routes, custom domains, settings and rulesets. Kept and checked; requests do not pass through it. */
import { ApiError } from "./errors.ts";
import { hexId, hexIdOf } from "./model.ts";
import { Rulesets } from "./rulesets.ts";
import { isRecord } from "../../../contract/json.ts";

export interface Route {
  readonly id: string;
  readonly pattern: string;
  readonly script: string;
}
export interface CustomDomain {
  readonly id: string;
  readonly zone_id: string;
  readonly zone_name: string;
  readonly hostname: string;
  readonly service: string;
  readonly environment: string;
  readonly cert_id: string;
}
export interface Setting {
  readonly id: string;
  readonly value: unknown;
  readonly editable: boolean;
  readonly modified_on: string | null;
}

const oneOf =
  (...values: readonly string[]) =>
  (value: unknown): boolean =>
    typeof value === "string" && values.includes(value);
const toggle = oneOf("on", "off");
const transport = (value: unknown): boolean =>
  isRecord(value) &&
  isRecord(value["strict_transport_security"]) &&
  typeof value["strict_transport_security"]["enabled"] === "boolean";

/** Settings that are imitated: what a value may be, and the value of a new zone. */
const SETTINGS: Readonly<Record<string, { readonly good: (value: unknown) => boolean; readonly initial: unknown }>> = {
  always_use_https: { good: toggle, initial: "off" },
  automatic_https_rewrites: { good: toggle, initial: "on" },
  http3: { good: toggle, initial: "on" },
  min_tls_version: { good: oneOf("1.0", "1.1", "1.2", "1.3"), initial: "1.0" },
  security_header: {
    good: transport,
    initial: {
      strict_transport_security: {
        enabled: false,
        max_age: 0,
        include_subdomains: false,
        preload: false,
        nosniff: false,
      },
    },
  },
  ssl: { good: oneOf("off", "flexible", "full", "strict", "origin_pull"), initial: "full" },
  tls_1_3: { good: oneOf("on", "off", "zrt"), initial: "on" },
};

export class Zone {
  readonly id: string;
  readonly name: string;
  readonly routes = new Map<string, Route>();
  readonly domains = new Map<string, CustomDomain>();
  readonly rulesets = new Rulesets();
  readonly #settings = new Map<string, Setting>();

  constructor(name: string) {
    this.name = name;
    this.id = hexIdOf(name);
  }

  /** Adds a domain, or moves the one of that name to another service. */
  putDomain(hostname: string, service: string): CustomDomain {
    const known = [...this.domains.values()].find((domain) => domain.hostname === hostname);
    const fresh = {
      id: hexId(),
      zone_id: this.id,
      zone_name: this.name,
      hostname,
      environment: "production",
      cert_id: crypto.randomUUID(),
    };
    const domain = { ...(known ?? fresh), service };
    this.domains.set(domain.id, domain);
    return domain;
  }

  listSettings(): Setting[] {
    return Object.keys(SETTINGS).map((id) => this.setting(id));
  }
  /** @throws {ApiError} 1006 for a setting that is not imitated. */
  setting(id: string): Setting {
    const known = Object.hasOwn(SETTINGS, id) ? SETTINGS[id] : undefined;
    if (!known) throw new ApiError(400, 1006, `Unrecognized zone setting name: ${id}`);
    return this.#settings.get(id) ?? { id, value: known.initial, editable: true, modified_on: null };
  }
  /** @throws {ApiError} 1006 as above, 1007 when the value does not fit. */
  set(id: string, value: unknown, now: Date): Setting {
    const known = this.setting(id);
    if (!SETTINGS[id]?.good(value)) throw new ApiError(400, 1007, `Invalid value for zone setting ${id}`);
    const changed = { ...known, value, modified_on: now.toISOString() };
    this.#settings.set(id, changed);
    return changed;
  }
}
