/** What is judged is what is applied. Only the operator's own choices, and the memory of the first upload, are left alone. */
import { isDeepStrictEqual } from "node:util";
import { blocks, type PolicyDocument } from "../document.ts";
import { DECLARED_HSTS } from "../live-state.ts";
import type { Rule } from "./rule.ts";

/** @param text JSON, its members in any order. */
function isSame(text: unknown, value: unknown): boolean {
  try {
    return typeof text === "string" && isDeepStrictEqual(JSON.parse(text), value);
  } catch {
    return false;
  }
}

/** The scheduled check compares the value with its second declaration, and a change of that makes the setting anew. */
function isDeclaredTwice(document: PolicyDocument, type: string, values: Readonly<Record<string, unknown>>): boolean {
  const trigger = `terraform_data.${DECLARED_HSTS}`;
  return (
    type === "cloudflare_zone_setting" &&
    values["setting_id"] === "security_header" &&
    blocks(values, "lifecycle").some(
      ({ replace_triggered_by: triggers }) => Array.isArray(triggers) && triggers.includes(trigger),
    ) &&
    document.resources.some(
      ({ address, values: { input } }) => address.endsWith(trigger) && isSame(input, values["value"]),
    )
  );
}

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
          .filter((name) => !(isDeclaredTwice(document, type, values) && name === "value"))
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
