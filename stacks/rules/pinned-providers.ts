/** Every provider is one version, or the patch releases of one. */
import type { Rule } from "./rule.ts";

/** `5.19.0`, `= 5.19.0` or `~> 0.2.0`; with one part less, `~>` lets minor versions through. */
const PINNED = /^(= ?)?\d+\.\d+\.\d+$|^~> ?\d+\.\d+\.\d+$/;

export const pinnedProviders: Rule = {
  name: "pinned-providers",
  why: "a provider is a program with all tokens in its environment; a new one runs because someone chose it",
  check: (document) =>
    document.providers
      .filter(({ version }) => version === null || !PINNED.test(version))
      .map(({ name, version }) => `provider "${name}": ${version === null ? "has no version" : "its version is not pinned"}`),
  examples: {
    accepted: { terraform: { required_providers: { cloudflare: { source: "cloudflare/cloudflare", version: "5.19.0" } } } },
    refused: { terraform: { required_providers: { cloudflare: { source: "cloudflare/cloudflare", version: ">= 5.0" } } } },
  },
};
