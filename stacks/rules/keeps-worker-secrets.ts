/** Every upload of a Worker says that its secrets stay. */
import type { Rule } from "./rule.ts";

export const keepsWorkerSecrets: Rule = {
  name: "keeps-worker-secrets",
  why: "an upload replaces all bindings; without the list GATEWAY_SECRET can be gone while the plan shows no change",
  check: (document) =>
    document.resources.flatMap(({ address, mode, type, values }) => {
      if (mode === "data") return [];
      // Uploads that cannot keep a binding at all.
      if (type === "cloudflare_worker_version") return [`${address}: ${type} has no keep_bindings`];
      if (type !== "cloudflare_workers_script") return [];
      const kept: unknown = values["keep_bindings"];
      return Array.isArray(kept) && kept.includes("secret_text")
        ? []
        : [`${address}: keep_bindings does not name "secret_text"`];
    }),
  examples: {
    accepted: { resource: { cloudflare_workers_script: { worker: { keep_bindings: ["secret_text"] } } } },
    refused: { resource: { cloudflare_workers_script: { worker: { script_name: "mcpist-gateway" } } } },
  },
};
