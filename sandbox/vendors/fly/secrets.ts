/** An app's secrets: what was written, and what a host has seen of it. */
import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Trail } from "../trail.ts";

export interface FlySecret {
  readonly value: string;
  readonly digest: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The part of an app that holds its secrets. */
export interface SecretHolder {
  secrets: ReadonlyMap<string, FlySecret>;
  /** App-wide; every write of secrets counts once. */
  secretsVersion: number;
  /** What was there at a version: a boot may read an older one than the newest, and so may a list. */
  readonly history: Map<number, ReadonlyMap<string, FlySecret>>;
  /** Which version was the newest when. */
  readonly versions: Trail<number>;
  /** Newest version that a stale host has seen; null = hosts are up to date. */
  staleAt: number | null;
  readonly digestKey: Buffer;
}

/** Sets (text) and deletes (null) secrets in one new version; all others stay. @returns the new version. */
export function writeSecrets(app: SecretHolder, values: Readonly<Record<string, string | null>>): number {
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
  app.history.set(++app.secretsVersion, secrets);
  app.versions.note(app.secretsVersion, now.getTime());
  return app.secretsVersion;
}

/**
 * What a host knows of an app's secrets at a boot that needs at least `minVersion`. A stale host catches up only when it is asked
 * for a newer version. @throws when nobody writes that version within ten times `pauseMs`.
 */
export async function secretsOnHost(
  app: SecretHolder,
  minVersion: number,
  pauseMs: number,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  for (let i = 0; minVersion > (app.staleAt ?? app.secretsVersion); i++) {
    if (i === 10) throw new Error(`timed out waiting for secrets version ${minVersion}`);
    await sleep(pauseMs, undefined, { signal });
    if (app.staleAt !== null) app.staleAt = app.secretsVersion;
  }
  const seen = app.history.get(app.staleAt ?? app.secretsVersion) ?? new Map<string, FlySecret>();
  return Object.fromEntries([...seen].map(([name, { value }]) => [name, value]));
}

/**
 * What a read of the secrets shows: what was there `lagMs` ago, unless the caller names the version that it has seen.
 * @returns null when nobody has written that version.
 */
export function secretsSince(
  app: SecretHolder,
  minVersion: number,
  lagMs: number,
): ReadonlyMap<string, FlySecret> | null {
  if (minVersion > app.secretsVersion) return null;
  const version = Math.max(minVersion, app.versions.at(Date.now() - lagMs) ?? 0);
  return app.history.get(version) ?? new Map<string, FlySecret>();
}

/** Never with the value. */
export const secretOnWire = (name: string, secret: FlySecret) => ({
  name,
  digest: secret.digest,
  created_at: secret.createdAt.toISOString(),
  updated_at: secret.updatedAt.toISOString(),
});
