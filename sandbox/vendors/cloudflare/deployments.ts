/** What a deployment may be: versions, percentages, and which secrets it would bring back. Pure. */
import { changedSecrets } from "./bindings.ts";
import { badRequest, missingVersion, secretsChanged } from "./errors.ts";
import { activeDeployment, mainShare, shareOf, versionById, type Script, type Share, type Version } from "./model.ts";

/** Only this many of the newest versions can be deployed. Source: developers.cloudflare.com/changelog, 2025-09-11. */
export const DEPLOYABLE_VERSIONS = 100;
/** A deployment holds at most this many versions. Source: developers.cloudflare.com/workers/versions-and-deployments/gradual-deployments. */
const MAX_SHARES = 2;

/** @returns the versions of the shares. @throws {ApiError} 404 for an unknown version, 400 when the percentages do not fit. */
export function checkShares(script: Script, shares: readonly Share[]): Version[] {
  if (shares.length === 0 || shares.length > MAX_SHARES)
    throw badRequest(`a deployment has one or ${MAX_SHARES} versions`);
  if (new Set(shares.map((share) => share.versionId)).size !== shares.length)
    throw badRequest("a version is named twice");
  if (!shares.every(({ percentage }) => percentage >= 0 && percentage <= 100))
    throw badRequest("a percentage is not within 0 to 100");
  const sum = shares.reduce((total, share) => total + share.percentage, 0);
  if (Math.abs(sum - 100) > 0.001) throw badRequest(`the percentages add up to ${sum}, not to 100`);
  return shares.map(({ versionId }) => {
    const version = versionById(script, versionId);
    if (!version) throw missingVersion();
    if (version.number <= script.versions.length - DEPLOYABLE_VERSIONS)
      throw badRequest(`version ${version.id} is older than the ${DEPLOYABLE_VERSIONS} newest ones`);
    return version;
  });
}

/**
 * An older version than the active one brings its secrets back; the API wants that said twice. Strict: a share of 0 % counts,
 * unless the version is part of the active deployment already.
 * @throws {ApiError} 10220 with the names of the secrets.
 */
export function refuseOldSecrets(script: Script, versions: readonly Version[]): void {
  const active = activeDeployment(script);
  const main = mainShare(active);
  const running = main && versionById(script, main.versionId);
  if (!running) return;
  const older = versions.filter((version) => version.number < running.number && shareOf(active, version.id) === null);
  const changed = older.flatMap((version) => changedSecrets(version.bindings, running.bindings));
  if (changed.length > 0) throw secretsChanged([...new Set(changed)]);
}
