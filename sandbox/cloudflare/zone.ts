/** The one zone of the account: routes, custom domains, settings and rulesets. Kept and echoed; requests do not pass through it. */
import { hexId, hexIdOf } from "./model.ts";

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

export class Zone {
  readonly id: string;
  readonly name: string;
  readonly routes = new Map<string, Route>();
  readonly domains = new Map<string, CustomDomain>();

  constructor(name: string) {
    this.name = name;
    this.id = hexIdOf(name);
  }

  /** Adds a domain, or moves the one of that name to another service. */
  putDomain(hostname: string, service: string): CustomDomain {
    const known = [...this.domains.values()].find((domain) => domain.hostname === hostname);
    const base = known ?? {
      id: hexId(),
      zone_id: this.id,
      zone_name: this.name,
      hostname,
      environment: "production",
      cert_id: crypto.randomUUID(),
    };
    const domain = { ...base, service };
    this.domains.set(domain.id, domain);
    return domain;
  }
}
