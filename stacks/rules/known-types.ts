/** Resources and data sources are of the types that the stacks use; everything else is a decision for a person. */
import { argumentsOf } from "./allowed-resources.ts";
import type { Rule } from "./rule.ts";

export const knownTypes: Rule = {
  name: "known-types",
  why: "a type that nobody looked at may read a secret into state, run a program, or open an account to others",
  check: (document) => [
    ...new Set(
      document.mentioned
        .filter(({ mode, type }) => argumentsOf(mode, type) === null)
        .map(
          ({ address, mode, type }) =>
            `${address}: no stack has a ${mode === "data" ? "data source" : "resource"} of type ${type}`,
        ),
    ),
  ],
  examples: {
    accepted: { resource: { fly_app: { app: { name: "mcpist-origin" } } }, data: { cloudflare_zone: { zone: {} } } },
    refused: { data: { external: { program: { program: ["sh", "-c", "env"] } } } },
  },
};
