/** What is judged is what is applied. Only the operator's own choices, and the memory of the first upload, are left alone. */
import { blocks } from "../document.ts";
import type { Rule } from "./rule.ts";

export const nothingIgnored: Rule = {
  name: "nothing-ignored",
  why: "an ignored argument is right in the configuration, whatever the account says, and no plan shows the difference",
  check: (document) =>
    document.resources.flatMap(({ address, type, values }) =>
      blocks(values, "lifecycle").flatMap(({ ignore_changes: ignored }) => {
        if (ignored === undefined || ignored === null) return [];
        if (!Array.isArray(ignored)) return [`${address}: every change is ignored`];
        return (ignored as readonly unknown[])
          .map((name) => String(name).split(/[.[]/, 1)[0] ?? "")
          .filter((name) => !(type === "terraform_data" && name === "input"))
          .filter((name) => type !== "github_repository" || Object.hasOwn(values, name))
          .map((name) => `${address}: changes of ${name} are ignored`);
      }),
    ),
  examples: {
    accepted: {
      resource: { github_repository: { repository: { name: "mcp", lifecycle: { ignore_changes: ["description"] } } } },
    },
    refused: {
      resource: { cloudflare_workers_script: { worker: { lifecycle: { ignore_changes: ["keep_bindings"] } } } },
    },
  },
};
