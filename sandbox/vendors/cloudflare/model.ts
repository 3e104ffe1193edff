/** What Cloudflare remembers about Workers, as plain shapes. No I/O; secret texts sit in {@link Binding} and nowhere else. */
import { createHash } from "node:crypto";

/** One file of a Worker. */
export interface Module {
  readonly name: string;
  /** Media type as uploaded, e.g. `application/javascript+module`. */
  readonly type: string;
  readonly content: Uint8Array;
}

/** Everything of a version that is code; two versions with equal etags run the same program. */
export interface Code {
  /** 64 lower-case hex characters over names, types and contents. */
  readonly etag: string;
  readonly mainModule: string;
  /** True for the old `addEventListener` format (`body_part`). */
  readonly serviceWorker: boolean;
  readonly modules: readonly Module[];
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
}

/** A binding as the API takes it. `text` of a `secret_text` is never handed out again. */
export interface Binding {
  readonly name: string;
  readonly type: string;
  readonly [field: string]: unknown;
}

export type Annotations = Readonly<Record<string, string>>;

/** Who made a version or a deployment, in the API's words. */
export type Source = "api" | "wrangler";

/** An immutable version: code and bindings. */
export interface Version {
  /** UUID. */
  readonly id: string;
  /** Counts uploads of this Worker from 1. */
  readonly number: number;
  /** ISO 8601. */
  readonly createdOn: string;
  readonly source: Source;
  readonly annotations: Annotations;
  readonly code: Code;
  readonly bindings: readonly Binding[];
  /** Versioned settings that nothing here acts on: placement, limits, usage model. Echoed. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A version's share of the requests. Unit: percent, 0 to 100. */
export interface Share {
  readonly versionId: string;
  readonly percentage: number;
}

/** Which versions run. The newest one of a Worker is the active one. */
export interface Deployment {
  readonly id: string;
  /** Counts deployments of this Worker from 1. */
  readonly number: number;
  readonly createdOn: string;
  readonly source: Source;
  readonly annotations: Annotations;
  readonly shares: readonly Share[];
}

/** One Worker of the account. */
export interface Script {
  readonly name: string;
  /** Stable id, 32 hex characters; the API also calls it tag. */
  readonly tag: string;
  readonly createdOn: string;
  modifiedOn: string;
  /** In order of upload; the last one is "the latest". */
  readonly versions: Version[];
  /** In order of creation; the last one is active. */
  readonly deployments: Deployment[];
  /** Tag of the last applied Durable Object migration. */
  migrationTag: string | null;
  /** Exported classes that migrations have made Durable Objects, with their namespace ids. */
  classes: ReadonlyMap<string, { readonly namespaceId: string; readonly sqlite: boolean }>;
  /** Not versioned: logpush, observability, tail_consumers, tags. */
  scriptSettings: Record<string, unknown>;
  subdomain: { enabled: boolean; previews_enabled: boolean };
  schedules: { readonly cron: string; readonly created_on: string; readonly modified_on: string }[];
}

export const latestVersion = (script: Script): Version | undefined => script.versions.at(-1);
export const activeDeployment = (script: Script): Deployment | undefined => script.deployments.at(-1);
export const versionById = (script: Script, id: string): Version | undefined =>
  script.versions.find((version) => version.id === id);
/** The share that a deployment gives to a version, or null when the version is not in it. */
export const shareOf = (deployment: Deployment | undefined, id: string): number | null =>
  deployment?.shares.find((share) => share.versionId === id)?.percentage ?? null;

/** The version that most requests meet. */
export const mainShare = (deployment: Deployment | undefined): Share | undefined =>
  deployment?.shares.toSorted((a, b) => b.percentage - a.percentage)[0];

/** @returns the etag of a set of modules, independent of their order. */
export function codeEtag(modules: readonly Module[]): string {
  const hash = createHash("sha256");
  for (const { name, type, content } of modules.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.update(JSON.stringify([name, type, content.length]));
    hash.update(content);
  }
  return hash.digest("hex");
}

/** 32 hex characters, as Cloudflare names accounts, zones, namespaces and scripts. */
export const hexId = (): string => crypto.randomUUID().replaceAll("-", "");
/** A stable 32-character hex id made from a name. */
export const hexIdOf = (name: string): string => createHash("sha256").update(name).digest("hex").slice(0, 32);
