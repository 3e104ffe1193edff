/** The policy: all rules, in the order in which their findings are printed. */
import { explicitImage } from "./rules/explicit-image.ts";
import { keepsWorkerSecrets } from "./rules/keeps-worker-secrets.ts";
import { knownArguments } from "./rules/known-arguments.ts";
import { knownSections } from "./rules/known-sections.ts";
import { knownTypes } from "./rules/known-types.ts";
import { leastScopes } from "./rules/least-scopes.ts";
import { noCredentials } from "./rules/no-credentials.ts";
import { noPublicSideDoor } from "./rules/no-public-side-door.ts";
import { noSecretResource } from "./rules/no-secret-resource.ts";
import { noSecretValue } from "./rules/no-secret-value.ts";
import { noTellingNames } from "./rules/no-telling-names.ts";
import { nothingIgnored } from "./rules/nothing-ignored.ts";
import { ownPlaces } from "./rules/own-places.ts";
import { pinnedProviders } from "./rules/pinned-providers.ts";
import { plainExpressions } from "./rules/plain-expressions.ts";
import type { Rule } from "./rules/rule.ts";
import { slotsByName } from "./rules/slots-by-name.ts";
import { tlsMinimum } from "./rules/tls-minimum.ts";

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
