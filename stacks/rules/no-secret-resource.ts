/** No resource and no data source that would bring a value into state, even when its argument is a reference. */
import { blocks } from "../document.ts";
import { LIVE_VARIABLE } from "../../contract/secret-names.ts";
import type { Rule } from "./rule.ts";

const FORBIDDEN: readonly RegExp[] = [
  // github_actions_secret, github_actions_environment_secret, github_dependabot_secret, github_codespaces_secret, …
  /^github_.*_secret$/,
  // Both call /reveal and keep the plaintext.
  /^koyeb_secret$/,
  /^fly_secret$/,
  /^cloudflare_workers_secret$/,
  /^cloudflare_secrets_store_/,
  // A value that Terraform makes is a value that Terraform keeps.
  /^random_(password|id|bytes|string|uuid)$/,
  /^tls_private_key$/,
];
const SECRET_BINDINGS: ReadonlySet<unknown> = new Set(["secret_text", "secret_key"]);

export const noSecretResource: Rule = {
  name: "no-secret-resource",
  why: "an outside rotation would be undone by the next apply, which writes the value from state back",
  check: (document) =>
    document.resources.flatMap(({ address, type, values }) => {
      if (FORBIDDEN.some((pattern) => pattern.test(type))) return [`${address}: ${type} keeps its value in state`];
      if (type === "cloudflare_workers_script")
        return blocks(values, "bindings")
          .filter((binding) => SECRET_BINDINGS.has(binding["type"]))
          .map((binding) => `${address}: binding "${String(binding["name"])}" is a secret; "mcpist secrets" writes it`);
      if (/^github_actions_.*variable$/.test(type) && values["variable_name"] === LIVE_VARIABLE)
        return [`${address}: ${LIVE_VARIABLE} belongs to "mcpist secrets rotate"`];
      return [];
    }),
  examples: {
    accepted: { resource: { cloudflare_workers_script: { worker: { bindings: [{ name: "KV", type: "kv_namespace" }] } } } },
    refused: { data: { koyeb_secret: { slot: { name: "mcpist-production-gateway-secret-a" } } } },
  },
};
