/** The policy: all rules, in the order in which their findings are printed. */
import { keepsWorkerSecrets } from "./rules/keeps-worker-secrets.ts";
import { noCredentials } from "./rules/no-credentials.ts";
import { noSecretResource } from "./rules/no-secret-resource.ts";
import { noSecretValue } from "./rules/no-secret-value.ts";
import { pinnedProviders } from "./rules/pinned-providers.ts";
import type { Rule } from "./rules/rule.ts";

export const RULES: readonly Rule[] = [noSecretValue, noSecretResource, noCredentials, keepsWorkerSecrets, pinnedProviders];
