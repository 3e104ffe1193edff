/** Excerpts of provider schemas in stacks/schemas, held against what the vendors' own providers print. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { cliConfig, DEFAULT_MIRROR, mirrored, WANTED } from "./mirror.ts";
import { TIMEOUT_MS } from "./operator.ts";
import { type Engine, ENGINES } from "./tools.ts";
import { isRecord } from "../../contract/json.ts";

type Json = Readonly<Record<string, unknown>>;
const COMPARED = ["type", "optional", "required", "computed", "nesting_mode", "min_items", "max_items", "version"];

/** What of a real schema an excerpt may not leave out: a configuration without it would only fail at the platform. */
const isDemanded = (part: unknown): boolean =>
  isRecord(part) && (part["required"] === true || Number(part["min_items"] ?? 0) > 0);

/** Where an excerpt says something else than the whole. What it leaves out is a difference only where the provider demands it. */
function differences(excerpt: Json, whole: Json, path: string): readonly string[] {
  const facts = COMPARED.filter(
    (key) => !isRecord(excerpt[key]) && JSON.stringify(excerpt[key]) !== JSON.stringify(whole[key]),
  );
  const parts = Object.entries(excerpt).filter((entry): entry is [string, Json] => isRecord(entry[1]));
  const demanded = ["attributes", "block_types"].flatMap((kind) =>
    Object.entries(isRecord(whole[kind]) ? whole[kind] : {})
      .filter(([key, part]) => isDemanded(part) && !(isRecord(excerpt[kind]) && key in excerpt[kind]))
      .map(([key]) => `${path}.${kind}.${key}: is required, and left out`),
  );
  return [
    ...facts.map((key) => `${path} ${key}: ${JSON.stringify(excerpt[key])}, really ${JSON.stringify(whole[key])}`),
    ...demanded,
    ...parts.flatMap(([key, part]) => {
      const real = whole[key] ?? {};
      const missing = Object.keys(part).length > 0 && whole[key] === undefined;
      return missing || !isRecord(real)
        ? [`${path}.${key}: does not exist`]
        : differences(part, real, `${path}.${key}`);
    }),
  ];
}

/** `terraform providers schema -json` of one provider. */
async function printed(engine: Engine, { namespace, type, version }: (typeof WANTED)[number]): Promise<Json> {
  const folder = mkdtempSync(join(tmpdir(), "mcpist-schema-"));
  try {
    writeFileSync(join(folder, "rc"), cliConfig(DEFAULT_MIRROR));
    const source = `${namespace}/${type}`;
    writeFileSync(
      join(folder, "main.tf.json"),
      JSON.stringify({ terraform: { required_providers: { [type]: { source, version } } } }),
    );
    const options = { cwd: folder, env: { TF_CLI_CONFIG_FILE: join(folder, "rc") } };
    await execa(engine.path, ["init", "-no-color", "-input=false"], options);
    const { stdout } = await execa(engine.path, ["providers", "schema", "-json"], options);
    const schemas = (JSON.parse(stdout) as { readonly provider_schemas: Readonly<Record<string, Json>> })
      .provider_schemas;
    return Object.values(schemas)[0] ?? {};
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function excerptOf(type: string): Json {
  const text = readFileSync(join(import.meta.dirname, "../../stacks/schemas", `${type}.json`), "utf8");
  const { provider_schemas } = JSON.parse(text) as { readonly provider_schemas: Readonly<Record<string, Json>> };
  return Object.values(provider_schemas)[0] ?? {};
}

const REAL = mirrored(DEFAULT_MIRROR);

describe("differences", () => {
  it("names what an excerpt says otherwise, and nothing optional that it leaves out", () => {
    const whole = { attributes: { a: { type: "string", optional: true }, b: { type: "bool" } }, version: 1 };
    expect(differences({ attributes: { a: { type: "string", optional: true } }, version: 1 }, whole, "r")).toEqual([]);
    expect(
      differences(
        { attributes: { a: { type: "number", optional: true }, c: { type: "bool" } }, version: 1 },
        whole,
        "r",
      ),
    ).toEqual(['r.attributes.a type: "number", really "string"', "r.attributes.c: does not exist"]);
  });

  it("names what a provider demands and an excerpt leaves out, at any depth", () => {
    const service = {
      block: { attributes: { port: { type: "number", required: true } } },
      nesting_mode: "list",
      min_items: 1,
    };
    const nested = {
      nested_type: { attributes: { id: { type: "string", required: true } }, nesting_mode: "single" },
      optional: true,
    };
    const whole = {
      block: { attributes: { app: { type: "string", required: true }, nested }, block_types: { service } },
      version: 1,
    };
    const left = (excerpt: Json) => differences(excerpt, whole, "r");
    expect(left(whole)).toEqual([]);
    expect(left({ block: {}, version: 1 })).toEqual([
      "r.block.attributes.app: is required, and left out",
      "r.block.block_types.service: is required, and left out",
    ]);
    const attributes = {
      ...whole.block.attributes,
      nested: { ...nested, nested_type: { nesting_mode: "single", attributes: {} } },
    };
    const block_types = { service: { ...service, block: {} } };
    expect(left({ block: { attributes, block_types }, version: 1 })).toEqual([
      "r.block.attributes.nested.nested_type.attributes.id: is required, and left out",
      "r.block.block_types.service.block.attributes.port: is required, and left out",
    ]);
  });
});

describe.skipIf(ENGINES.length === 0)("schema excerpts (skipped where a vendor's provider is not built)", () => {
  it.for(WANTED.map((provider) => [provider.type, provider] as const))(
    "%s says what the provider says",
    { timeout: TIMEOUT_MS },
    async ([type, provider], { skip, expect }) => {
      skip(!REAL.has(type), `terraform-provider-${type} is not built`);
      const { resource_schemas, data_source_schemas = {}, provider: own } = excerptOf(type);
      const real = await printed(ENGINES[0] as Engine, provider);
      expect(differences({ resource_schemas, data_source_schemas, provider: own }, real, type)).toEqual([]);
    },
  );
});
