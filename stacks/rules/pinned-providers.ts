/** Every provider in use is one exact version of the vendor's own; a state does not say which. */
import type { Rule } from "./rule.ts";

/** `5.19.0` or `= 5.19.0`; every other constraint lets a release in that nobody chose. */
const PINNED = /^(= ?)?\d+\.\d+\.\d+$/;
const SOURCES: Readonly<Record<string, string>> = {
  cloudflare: "cloudflare/cloudflare",
  fly: "ampbase-io/fly",
  github: "integrations/github",
  koyeb: "koyeb/koyeb",
};
/** A plan names the registry as well; the engines have one each. */
const REGISTRIES: readonly string[] = ["", "registry.terraform.io/", "registry.opentofu.org/"];

/** Name of the provider that a type belongs to; null for what the engine does by itself. */
function providerOf(type: string): string | null {
  const [name = ""] = type.split("_");
  return name === "terraform" ? null : name;
}

export const pinnedProviders: Rule = {
  name: "pinned-providers",
  why: "a provider is a program with all tokens in its environment; a new one runs because someone chose it",
  check: (document) => {
    const configured = new Set(document.providers.map(({ name }) => name));
    const used = new Set(document.resources.map(({ type }) => providerOf(type)).filter((name) => name !== null));
    return [
      ...document.providers.flatMap(({ name, source, version }) => {
        if (version === null) return [`provider "${name}": has no version`];
        if (!PINNED.test(version)) return [`provider "${name}": its version is not pinned`];
        const own = Object.hasOwn(SOURCES, name) ? SOURCES[name] : undefined;
        const known = own !== undefined && REGISTRIES.some((registry) => source === registry + own);
        return known ? [] : [`provider "${name}": is not the vendor's own`];
      }),
      ...[...used]
        .filter((name) => document.kind !== "state" && !configured.has(name))
        .map((name) => `provider "${name}": is used without a version`),
    ];
  },
  examples: {
    accepted: {
      terraform: { required_providers: { cloudflare: { source: "cloudflare/cloudflare", version: "5.19.0" } } },
    },
    refused: {
      terraform: { required_providers: { cloudflare: { source: "cloudflare/cloudflare", version: "~> 5.19.0" } } },
    },
  },
};
