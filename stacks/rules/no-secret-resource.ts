/** No resource and no data source that would bring a value into state, even when its argument is a reference, in any part of a plan. */
import { blocks, type PolicyResource } from "../document.ts";
import type { Rule } from "./rule.ts";

const FORBIDDEN: readonly RegExp[] = [
  // github_actions_secret, github_actions_environment_secret, github_dependabot_secret, github_codespaces_secret, …
  /^github_.*_secret$/,
  // Names of secrets, and GATEWAY_SECRET_LIVE, belong to the CLI.
  /^github_actions_.*variable$/,
  // Both call /reveal and keep the plaintext.
  /^koyeb_secret$/,
  /^fly_secret$/,
  /^cloudflare_workers_secret$/,
  /^cloudflare_secrets_store_/,
  // A value that Terraform makes is a value that Terraform keeps.
  /^random_(password|id|bytes|string|uuid)$/,
  /^tls_private_key$/,
];
/** Bindings without a value, and one with a text that anybody may read. */
const BINDINGS: ReadonlySet<unknown> = new Set([
  "durable_object_namespace",
  "kv_namespace",
  "plain_text",
  "ratelimit",
  "version_metadata",
]);
const PUBLIC_TEXT = "MCPIST_CONFIG";

function valued({ address, values }: PolicyResource): readonly string[] {
  return blocks(values, "bindings").flatMap(({ name, type, text }) => {
    const binding = `${address}: binding "${String(name)}"`;
    if (!BINDINGS.has(type)) return [`${binding} may hold a secret; "mcpist secrets" writes those`];
    return typeof text === "string" && text !== "" && name !== PUBLIC_TEXT ? [`${binding} has a text`] : [];
  });
}

export const noSecretResource: Rule = {
  name: "no-secret-resource",
  why: "an outside rotation would be undone by the next apply, which writes the value from state back",
  check: (document) => [
    ...new Set(
      document.mentioned
        .filter(({ type }) => FORBIDDEN.some((pattern) => pattern.test(type)))
        .map(({ address, type }) => `${address}: ${type} keeps its value in state`),
    ),
    ...document.resources.flatMap((resource) =>
      resource.type === "cloudflare_workers_script" ? valued(resource) : [],
    ),
  ],
  examples: {
    accepted: {
      resource: { cloudflare_workers_script: { worker: { bindings: [{ name: "KV", type: "kv_namespace" }] } } },
    },
    refused: { data: { koyeb_secret: { slot: { name: "mcpist-production-gateway-secret-a" } } } },
  },
};
