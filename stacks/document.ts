/**
 * One shape for what the policy rules read: the JSON that a synthesis writes, and what `terraform show -json` prints of a plan
 * or of a state. Pure; knows nothing about any rule.
 */
import { err, ok, type Result } from "../contract/result.ts";

type Json = Readonly<Record<string, unknown>>;

/** A resource or data source. `values` are arguments in a synthesis, and arguments with results in a plan or state. */
export interface PolicyResource {
  /** `cloudflare_workers_script.worker`, or `data.…`. */
  readonly address: string;
  readonly mode: "managed" | "data";
  readonly type: string;
  readonly values: Json;
}

/** A document under policy. */
export interface PolicyDocument {
  readonly kind: "synth" | "plan" | "state";
  readonly resources: readonly PolicyResource[];
  /** From `required_providers`; only a synthesis and a plan have them. `source` names the registry in a plan, "" = not said. */
  readonly providers: readonly { readonly name: string; readonly source: string; readonly version: string | null }[];
  /** Arguments of provider and backend blocks: nothing there may be a credential. */
  readonly settings: readonly { readonly address: string; readonly values: Json }[];
  /** The whole document as it was read. */
  readonly raw: Json;
}

/** True for an object that is no array. */
export const isRecord = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const records = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.filter(isRecord) : isRecord(value) ? [value] : []);
const entries = (value: unknown): readonly [string, unknown][] => (isRecord(value) ? Object.entries(value) : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** The blocks under `key`, however Terraform wrote them: absent, one object, or a list. */
export const blocks = (values: Json, key: string): readonly Json[] => records(values[key]);

/** Every string of a value with the path to it, object keys included. */
export function* strings(value: unknown, path: readonly string[] = []): Generator<readonly [path: readonly string[], text: string]> {
  if (typeof value === "string") yield [path, value];
  else if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* strings(item, [...path, String(index)]);
  else for (const [key, item] of entries(value)) yield* strings(item, [...path, key]);
}

function synthesized(raw: Json): PolicyDocument {
  const of = (mode: "managed" | "data", section: unknown) =>
    entries(section).flatMap(([type, byName]) =>
      entries(byName).map(([name, values]) => ({
        address: mode === "data" ? `data.${type}.${name}` : `${type}.${name}`,
        mode,
        type,
        values: isRecord(values) ? values : {},
      })),
    );
  const terraform = isRecord(raw["terraform"]) ? raw["terraform"] : {};
  return {
    kind: "synth",
    resources: [...of("managed", raw["resource"]), ...of("data", raw["data"])],
    providers: entries(terraform["required_providers"]).map(([name, value]) => ({
      name,
      source: isRecord(value) ? text(value["source"]) : "",
      version: isRecord(value) ? text(value["version"]) || null : null,
    })),
    settings: [
      ...entries(raw["provider"]).flatMap(([name, list]) => records(list).map((values) => ({ address: `provider.${name}`, values }))),
      ...entries(terraform["backend"]).map(([name, values]) => ({ address: `backend.${name}`, values: isRecord(values) ? values : {} })),
    ],
    raw,
  };
}

function modules(module: unknown): readonly PolicyResource[] {
  if (!isRecord(module)) return [];
  const own = records(module["resources"]).map((resource) => ({
    address: text(resource["address"]),
    mode: resource["mode"] === "data" ? ("data" as const) : ("managed" as const),
    type: text(resource["type"]),
    values: isRecord(resource["values"]) ? resource["values"] : {},
  }));
  return [...own, ...records(module["child_modules"]).flatMap(modules)];
}

function shown(raw: Json, kind: "plan" | "state"): PolicyDocument {
  const planned = isRecord(raw["planned_values"]) ? raw["planned_values"] : {};
  const values = kind === "plan" ? planned : isRecord(raw["values"]) ? raw["values"] : {};
  const configuration = isRecord(raw["configuration"]) ? raw["configuration"] : {};
  const providers = entries(configuration["provider_config"]).filter(([, value]) => isRecord(value)) as [string, Json][];
  return {
    kind,
    resources: modules(values["root_module"]),
    providers: providers
      .filter(([name]) => name !== "terraform")
      .map(([name, value]) => ({ name, source: text(value["full_name"]), version: text(value["version_constraint"]) || null })),
    settings: providers.map(([name, value]) => ({
      address: `provider.${name}`,
      values: isRecord(value["expressions"]) ? value["expressions"] : {},
    })),
    raw,
  };
}

/** Recognises a document by its own marks. @returns as error what is wrong with it, in one sentence. */
export function readDocument(content: string): Result<PolicyDocument, string> {
  let raw: unknown;
  try {
    raw = JSON.parse(content);
  } catch {
    return err("is not JSON");
  }
  if (!isRecord(raw)) return err("is not a JSON object");
  if ("planned_values" in raw) return ok(shown(raw, "plan"));
  // `terraform show -json` of an empty state has a format_version and nothing else.
  if ("format_version" in raw) return ok(shown(raw, "state"));
  if (["resource", "data", "provider", "terraform"].some((key) => key in raw)) return ok(synthesized(raw));
  return err('is neither synthesized JSON nor output of "terraform show -json"');
}
