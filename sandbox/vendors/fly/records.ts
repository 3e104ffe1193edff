/** What the Fly.io emulator knows of apps and their secrets, and how things look on the wire. Machines are in machine.ts. */
import { createHmac, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Machine } from "./machine.ts";

/** The one organisation of the sandbox. */
export const ORGANIZATION = { id: "org-sandbox", slug: "personal", name: "Sandbox", internal_numeric_id: 1 } as const;

export interface FlySecret {
  readonly value: string;
  readonly digest: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface IpAssignment {
  readonly ip: string;
  readonly region: string;
  readonly service_name: string;
  readonly shared: boolean;
  readonly created_at: string;
}

export interface FlyApp {
  readonly id: string;
  readonly name: string;
  readonly network: string;
  readonly createdAt: Date;
  readonly machines: Map<string, Machine>;
  readonly ips: IpAssignment[];
  secrets: ReadonlyMap<string, FlySecret>;
  /** App-wide; every write of secrets counts once. */
  secretsVersion: number;
  /** What a host saw at a version: a boot may read an older one than the newest. */
  readonly history: Map<number, Readonly<Record<string, string>>>;
  /** Newest version that a stale host has seen; null = hosts are up to date. */
  staleAt: number | null;
  readonly digestKey: Buffer;
}

/** 14 hex characters, as Machine ids look. */
export const machineId = (): string => randomBytes(7).toString("hex");
/** 26 characters, sortable by time: the id of a Machine's version. */
export function versionId(now: Date): string {
  const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  let time = "";
  for (let rest = now.getTime(), i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = (alphabet[rest % 32] ?? "0") + time;
  return time + Array.from(randomBytes(16), (byte) => alphabet[byte % 32]).join("");
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
    history: new Map([[0, {}]]),
    staleAt: null,
    digestKey: randomBytes(32),
  };
}

/** Sets (text) and deletes (null) secrets in one new version; all others stay. @returns the new version. */
export function writeSecrets(app: FlyApp, values: Readonly<Record<string, string | null>>): number {
  const now = new Date();
  const secrets = new Map(app.secrets);
  for (const [name, value] of Object.entries(values)) {
    if (value === null) secrets.delete(name);
    else {
      // Opaque, and different for another value; keyed, so that nobody can test guesses with it.
      const digest = createHmac("sha256", app.digestKey).update(value).digest("hex").slice(0, 16);
      secrets.set(name, { value, digest, createdAt: secrets.get(name)?.createdAt ?? now, updatedAt: now });
    }
  }
  app.secrets = secrets;
  app.history.set(++app.secretsVersion, Object.fromEntries([...secrets].map(([name, { value }]) => [name, value])));
  return app.secretsVersion;
}

/**
 * What a host knows of an app's secrets at a boot that needs at least `minVersion`. A stale host catches up only when it is asked
 * for a newer version. @throws when nobody writes that version within ten times `pauseMs`.
 */
export async function secretsOnHost(
  app: FlyApp,
  minVersion: number,
  pauseMs: number,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  for (let i = 0; minVersion > (app.staleAt ?? app.secretsVersion); i++) {
    if (i === 10) throw new Error(`timed out waiting for secrets version ${minVersion}`);
    await sleep(pauseMs, undefined, { signal });
    if (app.staleAt !== null) app.staleAt = app.secretsVersion;
  }
  return app.history.get(app.staleAt ?? app.secretsVersion) ?? {};
}

/** An image name taken apart. The digest is a constant: whatever image is asked for, the local program runs. */
export function imageRef(image: string) {
  const [, registry = "registry-1.docker.io", repository = image, tag = "latest"] =
    /^(?:([^/]+\.[^/]+)\/)?([^:@]+)(?::([^@]+))?/.exec(image) ?? [];
  return { registry, repository, tag, digest: "sha256:".padEnd(71, "0") };
}

/** Never with the value. */
export const secretOnWire = (name: string, secret: FlySecret) => ({
  name,
  digest: secret.digest,
  created_at: secret.createdAt.toISOString(),
  updated_at: secret.updatedAt.toISOString(),
});

export const appOnWire = (app: FlyApp) => ({
  id: app.id,
  internal_numeric_id: Number.parseInt(app.id.slice(0, 6), 16),
  name: app.name,
  status: app.machines.size > 0 ? "deployed" : "pending",
  machine_count: app.machines.size,
  volume_count: 0,
  network: app.network,
  organization: { name: ORGANIZATION.name, slug: ORGANIZATION.slug, internal_numeric_id: ORGANIZATION.internal_numeric_id },
});
