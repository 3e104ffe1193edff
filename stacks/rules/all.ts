/** The policy: all rules, in the order in which their findings are printed. */
import { explicitImage } from "./explicit-image.ts";
import { keepsWorkerSecrets } from "./keeps-worker-secrets.ts";
import { knownArguments } from "./known-arguments.ts";
import { knownSections } from "./known-sections.ts";
import { knownTypes } from "./known-types.ts";
import { leastScopes } from "./least-scopes.ts";
import { noCredentials } from "./no-credentials.ts";
import { noPublicSideDoor } from "./no-public-side-door.ts";
import { noSecretResource } from "./no-secret-resource.ts";
import { noSecretValue } from "./no-secret-value.ts";
import { noTellingNames } from "./no-telling-names.ts";
import { nothingIgnored } from "./nothing-ignored.ts";
import { ownPlaces } from "./own-places.ts";
import { pinnedProviders } from "./pinned-providers.ts";
import { plainExpressions } from "./plain-expressions.ts";
import type { Rule } from "./rule.ts";
import { slotsByName } from "./slots-by-name.ts";
import { tlsMinimum } from "./tls-minimum.ts";

export const RULES: readonly Rule[] = [
  noSecretValue,
  noTellingNames,
  noSecretResource,
  noCredentials,
  ownPlaces,
  knownTypes,
  knownArguments,
  knownSections,
  plainExpressions,
  nothingIgnored,
  slotsByName,
  keepsWorkerSecrets,
  tlsMinimum,
  noPublicSideDoor,
  leastScopes,
  explicitImage,
  pinnedProviders,
];

/**
 * For stacks of the user's own beside ours. Which resources they have is the user's choice; that no value of a secret gets into a state, and
 * that no deploy takes the gateway its secret, is not.
 */
export const RULES_FOR_OWN: readonly Rule[] = [noSecretValue, noTellingNames, noSecretResource, keepsWorkerSecrets];
