import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readDocument } from "./document.ts";
import { type ProviderSchema, schemaViolations } from "./provider-schema.ts";
import { EXAMPLE, settingsOf, synthesize } from "./test/synthesis.ts";

/** Schema of one provider from stacks/schemas. */
function schemaOf(name: string): ProviderSchema {
  const file = JSON.parse(readFileSync(join(import.meta.dirname, "schemas", `${name}.json`), "utf8")) as {
    readonly provider_schemas: Readonly<Record<string, ProviderSchema>>;
  };
  const [schema] = Object.values(file.provider_schemas);
  if (!schema) throw new Error(`no schema in ${name}.json`);
  return schema;
}

const [, fly] = EXAMPLE.origins;
const SYNTHESES = {
  "the example": synthesize(settingsOf()),
  "the sandbox": synthesize(
    settingsOf(
      { ...EXAMPLE, cloudflare: { ...EXAMPLE.cloudflare, url: "http://127.0.0.1:1001" } },
      { name: "sandbox", flyBaseUrl: "http://127.0.0.1:1003" },
    ),
  ),
  "every option": synthesize(
    settingsOf(
      {
        ...EXAMPLE,
        reviewers: [7, 8],
        origins: [{ ...fly!, url: "https://origin.example.com", machines: 2 } as (typeof EXAMPLE.origins)[number]],
        backend: { type: "s3", bucket: "state", endpoint: "https://account.r2.cloudflarestorage.com" },
      },
      { appliedMigrationTag: "v1", flyBaseUrl: "https://machines.example" },
    ),
  ),
};

describe.each(["cloudflare", "koyeb", "fly", "github"])("bindings of %s", (name) => {
  it.each(Object.entries(SYNTHESES))(
    "ask only for what the provider takes, in %s",
    (_variant, { documents: byName }) => {
      const documents = [...byName.values()];
      expect(documents.flatMap((document) => schemaViolations(document, name, schemaOf(name)))).toEqual([]);
    },
  );
});

describe("schemaViolations", () => {
  const violations = (resource: unknown, provider: unknown = {}) => {
    const document = readDocument(JSON.stringify({ resource, provider }));
    return document.ok
      ? ["koyeb", "fly"].flatMap((name) => schemaViolations(document.value, name, schemaOf(name)))
      : [document.error];
  };

  it.each<[string, unknown, string]>([
    ["an unknown argument", { fly_app: { a: { name: "a", colour: "red" } } }, "fly_app.a: colour: does not exist"],
    ["a missing argument", { fly_app: { a: {} } }, "fly_app.a: name: is required"],
    ["a result as an argument", { fly_app: { a: { name: "a", id: "1" } } }, "fly_app.a: id: is read-only"],
    ["a wrong type", { fly_app: { a: { name: 7 } } }, "fly_app.a: name: has the wrong type"],
    [
      "a wrong type in a map",
      { fly_machine: { a: { app: "a", image: "i", env: { A: 1 } } } },
      "fly_machine.a: env: has the wrong type",
    ],
    ["an unknown resource", { fly_secret: { a: {} } }, "fly_secret.a: the provider has no fly_secret"],
    [
      "an unknown nested argument",
      { fly_machine: { a: { app: "a", image: "i", guest: { gpu: 1 } } } },
      "fly_machine.a: guest.0.gpu: does not exist",
    ],
    [
      "too many blocks",
      { koyeb_service: { a: { app_name: "a", definition: [{}, {}] } } },
      "koyeb_service.a: definition: at most 1",
    ],
  ])("finds %s", (_case, resource, finding) => {
    expect(violations(resource)).toContain(finding);
  });

  it("finds a wrong argument of a provider", () => {
    expect(violations({}, { fly: [{ org_slug: "personal", region: "nrt" }] })).toEqual([
      "provider.fly: region: does not exist",
    ]);
  });

  it("takes an expression for any type", () => {
    expect(
      violations({ fly_machine: { a: { app: "${fly_app.a.name}", image: "i", min_secrets_version: "${var.a}" } } }),
    ).toEqual([]);
  });
});
