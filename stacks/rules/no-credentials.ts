/** Provider and backend blocks hold addresses; who may use them comes from the environment of the run. */
import { isRecord } from "../../contract/json.ts";
import type { Rule } from "./rule.ts";

/** What the stacks say in each; arguments of a block behind a dot. */
const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  "backend.local": ["path"],
  "backend.s3": [
    "bucket",
    "encrypt",
    "endpoints",
    "endpoints.s3",
    "key",
    "region",
    "skip_credentials_validation",
    "skip_metadata_api_check",
    "skip_region_validation",
    "skip_requesting_account_id",
    "skip_s3_checksum",
    "use_lockfile",
    "use_path_style",
  ],
  "provider.cloudflare": [],
  "provider.fly": ["base_url", "org_slug"],
  "provider.github": ["owner"],
  "provider.koyeb": [],
};
/** How a plan writes any argument. */
const WRAPPERS = new Set(["constant_value", "references"]);

/** Paths of everything that is said, at any depth. */
function said(values: Readonly<Record<string, unknown>>, above = ""): readonly string[] {
  return Object.entries(values)
    .filter(([key, value]) => value !== null && !(above !== "" && WRAPPERS.has(key)))
    .flatMap(([key, value]) => {
      const path = `${above}${key}`;
      const inside = (Array.isArray(value) ? value : [value]).filter(isRecord);
      return [path, ...inside.flatMap((block) => said(block, `${path}.`))];
    });
}

export const noCredentials: Rule = {
  name: "no-credentials",
  why: "an argument of a provider or backend is written to disk with the configuration",
  check: (document) =>
    document.settings.flatMap(({ address, values }) => {
      const known = Object.hasOwn(ADDRESSES, address) ? (ADDRESSES[address] ?? []) : [];
      return said(values)
        .filter((path) => !known.includes(path))
        .map((path) => `${address}: ${path} must come from the environment`);
    }),
  examples: {
    accepted: {
      provider: { fly: [{ org_slug: "personal" }] },
      terraform: { backend: { s3: { bucket: "state", key: "a.tfstate", skip_credentials_validation: true } } },
    },
    refused: { provider: { github: [{ owner: "acme", app_auth: [{ id: "1", pem_file: "…" }] }] }, terraform: {} },
  },
};
