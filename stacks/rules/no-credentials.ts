/** Provider and backend blocks hold addresses; who may use them comes from the environment of the run. */
import type { Rule } from "./rule.ts";

const CREDENTIAL = /(token|secret|password|passwd|api_?key|access_?key|private_?key|credentials?|pem)/i;

export const noCredentials: Rule = {
  name: "no-credentials",
  why: "an argument of a provider or backend is written to disk with the configuration",
  check: (document) =>
    document.settings.flatMap(({ address, values }) =>
      Object.entries(values)
        .filter(([key, value]) => CREDENTIAL.test(key) && !key.startsWith("skip_") && value !== null && value !== "")
        .map(([key]) => `${address}: ${key} must come from the environment`),
    ),
  examples: {
    accepted: {
      provider: { fly: [{ org_slug: "personal" }] },
      terraform: { backend: { s3: { bucket: "state", key: "a.tfstate", skip_credentials_validation: true } } },
    },
    refused: { provider: { fly: [{ org_slug: "personal", api_token: "…" }] }, terraform: {} },
  },
};
