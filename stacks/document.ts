/**
 * One shape for what the policy rules read: the JSON that a synthesis writes, and what `terraform show -json` prints of a plan
 * or of a state. Pure; knows nothing about any rule.
 */
import { err, ok, type Result } from "../contract/result.ts";
import { isRecord } from "../contract/json.ts";

type Json = Readonly<Record<string, unknown>>;

/** Any of these at the top makes a text Terraform's JSON configuration. */
const SECTIONS = [
  "resource",
  "data",
  "provider",
  "terraform",
  "output",
  "variable",
  "locals",
  "module",
  "import",
  "moved",
  "removed",
];

/** A resource or data source. `values` are arguments in a synthesis, and arguments with results in a plan or state. */
export interface PolicyResource {
  /** `cloudflare_workers_script.worker`, or `data.…`. */
  readonly address: string;
  readonly mode: "managed" | "data";
  readonly type: string;
  readonly values: Json;
}

/** A resource or data source in the configuration part of a plan. */
export interface ConfiguredResource {
  readonly address: string;
  readonly mode: "managed" | "data";
  readonly type: string;
  /** Names of its arguments and blocks. */
  readonly names: readonly string[];
  /** What it has beside arguments, under Terraform's name: `provisioners`, `for_each_expression`, … */
  readonly extras: readonly string[];
}

/** A document under policy. */
export interface PolicyDocument {
  readonly kind: "synth" | "plan" | "state";
  /** What there is, or will be after the plan. What a plan does not know yet is {@link UNKNOWN}. */
  readonly resources: readonly PolicyResource[];
  /** Everything that any part of the document names: also what was read before, changes, drift, and the configuration. */
  readonly mentioned: readonly { readonly address: string; readonly mode: "managed" | "data"; readonly type: string }[];
  /** Only in a plan. */
  readonly configured: readonly ConfiguredResource[];
  /** From `required_providers`; only a synthesis and a plan have them. `source` names the registry in a plan, "" = not said. */
  readonly providers: readonly { readonly name: string; readonly source: string; readonly version: string | null }[];
  /** Arguments of provider and backend blocks: nothing there may be a credential. */
  readonly settings: readonly { readonly address: string; readonly values: Json }[];
  /** The whole document as it was read. */
  readonly raw: Json;
}

/** Stands for what a plan does not know yet. Has the form of an expression, and is one for every rule. */
export const UNKNOWN = "${known after apply}";

/** Terraform opens lists of lists as well. */
const flat = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? (value as readonly unknown[]).flatMap(flat) : [value];
const records = (value: unknown): readonly Json[] => flat(value).filter(isRecord);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const record = (value: unknown): Json => (isRecord(value) ? value : {});

/** The labelled blocks of a section. Terraform reads an object and a list of objects alike, at each level. */
export const labelled = (section: unknown): readonly [label: string, body: unknown][] =>
  records(section).flatMap(Object.entries);

/** The blocks under `key`, however Terraform wrote them: absent, one object, or a list. */
export const blocks = (values: Json, key: string): readonly Json[] => records(values[key]);

/** A list's item is called by its address where it has one. */
const segment = (item: unknown, index: number): string => (isRecord(item) && text(item["address"])) || String(index);

/** Every string of a value with the path to it. Object keys are strings as well; the path of one ends with itself. */
export function* strings(
  value: unknown,
  path: readonly string[] = [],
): Generator<readonly [path: readonly string[], text: string]> {
  if (typeof value === "string") yield [path, value];
  else if (Array.isArray(value))
    for (const [index, item] of value.entries()) yield* strings(item, [...path, segment(item, index)]);
  else
    for (const [key, item] of Object.entries(record(value))) {
      yield [[...path, key], key];
      yield* strings(item, [...path, key]);
    }
}

function synthesized(raw: Json): PolicyDocument {
  const of = (mode: "managed" | "data", section: unknown) =>
    labelled(section).flatMap(([type, byName]) =>
      labelled(byName).flatMap(([name, body]) =>
        flat(body).map((values) => ({
          address: mode === "data" ? `data.${type}.${name}` : `${type}.${name}`,
          mode,
          type,
          values: record(values),
        })),
      ),
    );
  const terraform = records(raw["terraform"]);
  const resources = [...of("managed", raw["resource"]), ...of("data", raw["data"])];
  const settings = (kind: string, section: unknown) =>
    labelled(section).flatMap(([name, list]) =>
      records(list).map((values) => ({ address: `${kind}.${name}`, values })),
    );
  return {
    kind: "synth",
    resources,
    mentioned: resources,
    configured: [],
    providers: terraform
      .flatMap((block) => labelled(block["required_providers"]))
      .map(([name, value]) => ({
        name,
        source: isRecord(value) ? text(value["source"]) : "",
        version: isRecord(value) ? text(value["version"]) || null : null,
      })),
    settings: [
      ...settings("provider", raw["provider"]),
      ...terraform.flatMap((block) => settings("backend", block["backend"])),
    ],
    raw,
  };
}

/** A value with {@link UNKNOWN} where `unknown` (`after_unknown` of a plan) says true. */
function withUnknown(value: unknown, unknown: unknown): unknown {
  if (unknown === true) return UNKNOWN;
  if (Array.isArray(unknown)) {
    const list = Array.isArray(value) ? (value as readonly unknown[]) : [];
    const length = Math.max(list.length, unknown.length);
    return unknown.length === 0
      ? value
      : Array.from({ length }, (_, index) => withUnknown(list[index], unknown[index]));
  }
  if (!isRecord(unknown) || Object.keys(unknown).length === 0) return value;
  const known = record(value);
  return {
    ...known,
    ...Object.fromEntries(Object.entries(unknown).map(([key, item]) => [key, withUnknown(known[key], item)])),
  };
}

const named = (resource: Json) => ({
  address: text(resource["address"]),
  mode: resource["mode"] === "data" ? ("data" as const) : ("managed" as const),
  type: text(resource["type"]),
});

function modules(module: Json, unknown: ReadonlyMap<string, unknown>): readonly PolicyResource[] {
  const own = records(module["resources"]).map((resource) => {
    const names = named(resource);
    return { ...names, values: record(withUnknown(record(resource["values"]), unknown.get(names.address))) };
  });
  return [...own, ...records(module["child_modules"]).flatMap((child) => modules(child, unknown))];
}

/** Everything below a value that has Terraform's marks of a resource. */
function* marked(value: unknown): Generator<Json> {
  if (Array.isArray(value)) for (const item of value) yield* marked(item);
  else if (isRecord(value)) {
    if (["address", "mode", "type"].every((key) => typeof value[key] === "string")) yield value;
    for (const item of Object.values(value)) yield* marked(item);
  }
}

/** What the configuration says about a resource without being an argument of it. */
const PLAIN_PARTS = new Set([
  "address",
  "depends_on",
  "expressions",
  "mode",
  "name",
  "provider_config_key",
  "schema_version",
  "type",
]);

function shown(raw: Json, kind: "plan" | "state"): PolicyDocument {
  const values = record(raw[kind === "plan" ? "planned_values" : "values"]);
  const unknown = records(raw["resource_changes"]).map(
    (change) => [text(change["address"]), record(change["change"])["after_unknown"]] as const,
  );
  const configuration = record(raw["configuration"]);
  // What a plan only takes away may be of any type: refusing it would keep it.
  const leaving = new Set(
    records(raw["resource_changes"])
      .filter((change) => JSON.stringify(record(change["change"])["actions"]) === '["delete"]')
      .map((change) => text(change["address"])),
  );
  const providers = labelled(configuration["provider_config"]).filter((entry): entry is [string, Json] =>
    isRecord(entry[1]),
  );
  return {
    kind,
    resources: modules(record(values["root_module"]), new Map(unknown)),
    mentioned: [...marked(raw)].map(named).filter(({ address }) => !leaving.has(address)),
    configured: [...marked(configuration)].map((resource) => ({
      ...named(resource),
      names: Object.keys(record(resource["expressions"])),
      extras: Object.keys(resource).filter((key) => !PLAIN_PARTS.has(key)),
    })),
    providers: providers
      .filter(([name]) => name !== "terraform")
      .map(([name, value]) => ({
        name,
        source: text(value["full_name"]),
        version: text(value["version_constraint"]) || null,
      })),
    settings: providers.map(([name, value]) => ({ address: `provider.${name}`, values: record(value["expressions"]) })),
    raw,
  };
}

/** What a plan changes: its own words say that. Everything else is as it was read. */
export function changedBy({ raw }: PolicyDocument): {
  readonly addresses: ReadonlySet<string>;
  readonly types: ReadonlySet<string>;
} {
  const changed = records(raw["resource_changes"]).filter((change) => {
    const actions = JSON.stringify(record(change["change"])["actions"] ?? []);
    return actions !== '["no-op"]' && actions !== '["read"]' && actions !== "[]";
  });
  return {
    addresses: new Set(changed.map((change) => text(change["address"]))),
    types: new Set(changed.map((change) => text(change["type"]))),
  };
}

/** How many keys all objects of a value have. */
function countKeys(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countKeys(item), 0);
  return Object.values(record(value)).reduce<number>((sum, item) => sum + 1 + countKeys(item), 0);
}

/** JavaScript keeps the last of two equal keys, Terraform merges both: such a text is not what it seems. */
const saysTwice = (content: string, raw: unknown): boolean =>
  [...content.matchAll(/"(?:[^"\\]|\\.)*"\s*(:?)/g)].filter(([, colon]) => colon === ":").length > countKeys(raw);

/** Recognises a document by its own marks. @returns as error what is wrong with it, in one sentence. */
export function readDocument(content: string): Result<PolicyDocument, string> {
  let raw: unknown;
  try {
    raw = JSON.parse(content);
  } catch {
    return err("is not JSON");
  }
  if (!isRecord(raw)) return err("is not a JSON object");
  if (saysTwice(content, raw)) return err("has an object with the same key twice");
  if ("planned_values" in raw) return ok(shown(raw, "plan"));
  // `terraform show -json` of an empty state has a format_version and nothing else.
  if ("format_version" in raw) return ok(shown(raw, "state"));
  if (SECTIONS.some((key) => key in raw)) return ok(synthesized(raw));
  return err('is neither synthesized JSON nor output of "terraform show -json"');
}
