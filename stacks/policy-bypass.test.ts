/** Documents that someone would write to get past the policy, each beside the rule that must refuse it. */
import { describe, expect, it } from "vitest";
import { readDocument } from "./document.ts";
import { checkAll } from "./policy.ts";
import { RULES } from "./rules.ts";

/** Names of the rules that refuse a document, in the order of the policy. */
function refusedBy(content: unknown): readonly string[] {
  const document = readDocument(JSON.stringify(content));
  if (!document.ok) throw new Error(document.error);
  return [...new Set(checkAll(RULES, document.value).map(({ rule }) => rule.name))];
}

const resource = (type: string, values: unknown) => ({ resource: { [type]: { r: values } } });
const requires = (name: string, value: unknown) => ({ terraform: { required_providers: { [name]: value } } });

type Case = readonly [what: string, document: unknown];

describe("the policy refuses, by provider,", () => {
  it.each<Case>([
    ["patch releases that nobody chose", requires("fly", { source: "ampbase-io/fly", version: "~> 0.2.0" })],
    ["no version", requires("fly", { source: "ampbase-io/fly" })],
    ["another vendor's provider", requires("koyeb", { source: "koyeb-io/koyeb", version: "0.1.11" })],
    ["a registry of someone's own", requires("koyeb", { source: "registry.example.com/koyeb/koyeb", version: "0.1.11" })],
    ["a provider that no stack uses", requires("http", { source: "hashicorp/http", version: "3.5.0" })],
    ["a provider in use without any entry", resource("fly_app", { name: "mcpist-origin" })],
  ])("%s", (_what, document) => {
    expect(refusedBy(document)).toContain("pinned-providers");
  });
});
