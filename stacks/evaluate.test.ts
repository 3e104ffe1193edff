import { describe, expect, it } from "vitest";
import { readDocument } from "./document.ts";
import { checkAll, selfTest } from "./evaluate.ts";
import { RULES } from "./rules/all.ts";
import { noSecretValue } from "./rules/no-secret-value.ts";
import type { Rule } from "./rules/rule.ts";

const read = (example: unknown) => {
  const document = readDocument(JSON.stringify(example));
  if (!document.ok) throw new Error(document.error);
  return document.value;
};

describe("policy", () => {
  it.each(RULES.map((rule) => [rule.name, rule] as const))(
    "%s accepts its good example and refuses its bad one",
    (_name, rule) => {
      expect(rule.check(read(rule.examples.accepted))).toEqual([]);
      expect(rule.check(read(rule.examples.refused))).not.toEqual([]);
    },
  );

  it("holds every document against each of these rules", () => {
    expect(RULES.map(({ name }) => name)).toEqual([
      "no-secret-value",
      "no-telling-names",
      "no-secret-resource",
      "no-credentials",
      "own-places",
      "known-types",
      "known-arguments",
      "known-sections",
      "plain-expressions",
      "nothing-ignored",
      "slots-by-name",
      "keeps-worker-secrets",
      "tls-minimum",
      "no-public-side-door",
      "least-scopes",
      "explicit-image",
      "pinned-providers",
    ]);
  });

  it("has one file per rule, named like the rule", () => {
    expect(new Set(RULES.map(({ name }) => name)).size).toBe(RULES.length);
  });

  it("does not trust a rule that accepts everything", () => {
    const [first] = RULES as readonly [Rule, ...Rule[]];
    expect(selfTest([{ ...first, check: () => [] }])).toEqual([`rule "${first.name}" accepts its refused example`]);
    expect(selfTest([{ ...first, check: () => ["no"] }])).toEqual([
      `rule "${first.name}" refuses its accepted example`,
    ]);
  });

  it("finds a secret in a state and in a plan, and does not print it", () => {
    const value = "0123456789abcdef".repeat(4);
    const resource = { address: "x.y", mode: "managed", type: "x", values: { env: { A: value } } };
    const state = read({
      format_version: "1.0",
      values: { root_module: { child_modules: [{ resources: [resource] }] } },
    });
    const plan = read({
      format_version: "1.2",
      planned_values: { root_module: { resources: [resource] } },
      configuration: {},
    });
    for (const document of [state, plan]) {
      const findings = checkAll([noSecretValue], document).map(({ finding }) => finding);
      expect(findings).toHaveLength(1);
      expect(findings.join()).toContain("env.A");
      expect(findings.join()).not.toContain(value);
    }
  });

  it("knows a digest in every part of a plan", () => {
    const digest = "0123456789abcdef".repeat(4);
    const address = "cloudflare_workers_script.worker";
    const plan = {
      format_version: "1.2",
      planned_values: { root_module: {} },
      resource_changes: [{ address, change: { before: { etag: digest }, after: { content_sha256: digest } } }],
      configuration: {
        root_module: {
          resources: [
            { address, expressions: { content_sha256: { constant_value: digest } } },
            {
              address: "terraform_data.upload",
              expressions: { triggers_replace: { constant_value: { fingerprint: digest } } },
            },
          ],
        },
      },
    };
    expect(checkAll([noSecretValue], read(plan))).toEqual([]);
  });

  it("finds a forbidden resource of a state under a module", () => {
    const resource = { address: "module.a.koyeb_secret.b", mode: "managed", type: "koyeb_secret", values: {} };
    const state = read({
      format_version: "1.0",
      values: { root_module: { child_modules: [{ resources: [resource] }] } },
    });
    expect(checkAll(RULES, state).map(({ rule }) => rule.name)).toContain("no-secret-resource");
  });

  it.each([
    ["{", "is not JSON"],
    ["[]", "is not a JSON object"],
    ["{}", 'is neither synthesized JSON nor output of "terraform show -json"'],
  ])("refuses to judge %s", (content, reason) => {
    expect(readDocument(content)).toEqual({ ok: false, error: reason });
  });
});
