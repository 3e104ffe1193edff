/** What the Fly.io emulator knows of apps, and how they look on the wire. Machines are in machine.ts, secrets in secrets.ts. */
import { randomBytes } from "node:crypto";
import { Trail } from "../trail.ts";
import type { Machine } from "./machine.ts";
import type { SecretHolder } from "./secrets.ts";

/** The one organisation of the sandbox. */
export const ORGANIZATION = { id: "org-sandbox", slug: "personal", name: "Sandbox", internal_numeric_id: 1 } as const;

export interface IpAssignment {
  readonly ip: string;
  readonly region: string;
  readonly service_name: string;
  readonly shared: boolean;
  readonly created_at: string;
}

export interface FlyApp extends SecretHolder {
  readonly id: string;
  readonly name: string;
  readonly network: string;
  readonly createdAt: Date;
  readonly machines: Map<string, Machine>;
  readonly ips: IpAssignment[];
}

export function newApp(name: string, network: string): FlyApp {
  return {
    id: randomBytes(8).toString("hex"),
    name,
    network,
    createdAt: new Date(),
    machines: new Map(),
    ips: [],
    secrets: new Map(),
    secretsVersion: 0,
    history: new Map(),
    versions: new Trail(),
    staleAt: null,
    digestKey: randomBytes(32),
  };
}

/** An image name taken apart. The digest is a constant: whatever image is asked for, the local program runs. */
export function imageRef(image: string) {
  const [, registry = "registry-1.docker.io", repository = image, tag = "latest"] =
    /^(?:([^/]+\.[^/]+)\/)?([^:@]+)(?::([^@]+))?/.exec(image) ?? [];
  return { registry, repository, tag, digest: "sha256:".padEnd(71, "0") };
}

export const appOnWire = (app: FlyApp) => ({
  id: app.id,
  internal_numeric_id: Number.parseInt(app.id.slice(0, 6), 16),
  name: app.name,
  status: app.machines.size > 0 ? "deployed" : "pending",
  machine_count: app.machines.size,
  volume_count: 0,
  network: app.network,
  organization: {
    name: ORGANIZATION.name,
    slug: ORGANIZATION.slug,
    internal_numeric_id: ORGANIZATION.internal_numeric_id,
  },
});

/** Documentation addresses (RFC 5737, RFC 3849): nothing may be sent there. */
const address = (type: string, n: number): string =>
  type.endsWith("v4") ? `198.51.100.${n}` : type === "private_v6" ? `fdaa:0:1::${n}` : `2001:db8::${n}`;

/** Gives an app one more address. @param type `v4`, `v6`, `shared_v4` or `private_v6`. */
export function assignAddress(app: FlyApp, type: string, region = "global"): IpAssignment {
  const assigned: IpAssignment = {
    ip: address(type, app.ips.length + 1),
    region,
    service_name: "",
    shared: type === "shared_v4",
    created_at: new Date().toISOString(),
  };
  app.ips.push(assigned);
  return assigned;
}
