/** Simulated edge locations: which one serves a client, and how late each learns of a deployment. Pure. */
import type { Deployment, Share } from "../model.ts";

/** Names as they end `CF-Ray`. */
export const EDGES = ["SBA", "SBB", "SBC", "SBD"] as const;
export type EdgeName = (typeof EDGES)[number];

/** A client meets one edge, chosen by its address: 127.0.1.0 to 127.0.1.3 meet all four. */
export function edgeOf(address: string): EdgeName {
  const sum = [...address.matchAll(/\d+/g)].reduce((total, [digits]) => total + Number(digits), 0);
  return EDGES[sum % EDGES.length] ?? EDGES[0];
}

/**
 * How late an edge runs a deployment. The first one needs a quarter of `maxMs`, the last one all of it, and the order
 * turns with each deployment, so that no edge is always the slow one.
 * @returns milliseconds after the deployment was accepted.
 */
export function lagOf(edge: EdgeName, deploymentNumber: number, maxMs: number): number {
  const place = (EDGES.indexOf(edge) + deploymentNumber) % EDGES.length;
  return Math.round((maxMs * (place + 1)) / EDGES.length);
}

const OVERRIDE = /(?:^|,)\s*([\w-]+)\s*=\s*"([^"]*)"/g;

/** The version that `Cloudflare-Workers-Version-Overrides` asks for, or null when `worker` is not named. */
export function overrideFor(worker: string, header: string | undefined): string | null {
  for (const [, name, version] of (header ?? "").matchAll(OVERRIDE))
    if (name === worker && version !== undefined) return version;
  return null;
}

/** Maps a version key to a stable point, so that one key always meets one version. @returns 0 (inclusive) to 1 (exclusive). */
export function pointOf(key: string): number {
  let hash = 2166136261;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
  return hash / 2 ** 32;
}

function byPercentage(shares: readonly Share[], point: number): string | null {
  let left = point * 100;
  const live = shares.filter((share) => share.percentage > 0);
  for (const { versionId, percentage } of live) {
    if (left < percentage) return versionId;
    left -= percentage;
  }
  return live.at(-1)?.versionId ?? null;
}

/**
 * Chooses the version for one request. An override is applied only when the version is in the deployment, 0 % included;
 * otherwise it is ignored without a word, as on the real edge.
 * @param point 0 (inclusive) to 1 (exclusive), random or from a version key.
 */
export function chooseVersion(deployment: Deployment, override: string | null, point: number): string | null {
  if (override !== null && deployment.shares.some((share) => share.versionId === override)) return override;
  return byPercentage(deployment.shares, point);
}
