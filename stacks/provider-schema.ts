/**
 * Holds synthesized arguments against a provider's schema, in the form of `terraform providers schema -json`. Used by tests: it
 * is what stands between a hand-written binding and an apply that fails halfway. Expressions (`${…}`) fit any type.
 */
import { isRecord } from "../contract/json.ts";
import type { PolicyDocument } from "./document.ts";

interface Attribute {
  readonly type?: unknown;
  readonly nested_type?: { readonly attributes: Readonly<Record<string, Attribute>>; readonly nesting_mode: string };
  readonly required?: boolean;
  readonly optional?: boolean;
  readonly computed?: boolean;
}
interface Block {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly block_types?: Readonly<
    Record<
      string,
      { readonly nesting_mode: string; readonly block: Block; readonly min_items?: number; readonly max_items?: number }
    >
  >;
}
interface Entity {
  readonly version: number;
  readonly block: Block;
}

/** Schemas of one provider. */
export interface ProviderSchema {
  readonly provider: Entity;
  readonly resource_schemas: Readonly<Record<string, Entity>>;
  readonly data_source_schemas?: Readonly<Record<string, Entity>>;
}

/** Arguments that belong to Terraform itself. */
const META: ReadonlySet<string> = new Set(["//", "lifecycle", "depends_on", "provider", "count", "for_each"]);

const isExpression = (value: unknown): boolean => typeof value === "string" && value.includes("${");

function fits(type: unknown, value: unknown): boolean {
  if (value === null || type === "dynamic" || isExpression(value)) return true;
  if (Array.isArray(type)) {
    const [kind, element] = type as [string, unknown];
    if (kind === "list" || kind === "set") return Array.isArray(value) && value.every((item) => fits(element, item));
    return kind === "map" && isRecord(value) && Object.values(value).every((item) => fits(element, item));
  }
  return typeof value === { string: "string", number: "number", bool: "boolean" }[type as "string" | "number" | "bool"];
}

function attribute(schema: Attribute, value: unknown, path: string): readonly string[] {
  if (!schema.required && !schema.optional) return [`${path}: is read-only`];
  const nested = schema.nested_type;
  if (!nested) return fits(schema.type, value) ? [] : [`${path}: has the wrong type`];
  if (isExpression(value)) return [];
  const inside = (item: unknown, at: string) => block({ attributes: nested.attributes }, item, at);
  if (nested.nesting_mode === "single") return inside(value, path);
  if (nested.nesting_mode === "map")
    return isRecord(value)
      ? Object.entries(value).flatMap(([key, item]) => inside(item, `${path}.${key}`))
      : [`${path}: must be a map`];
  return Array.isArray(value)
    ? value.flatMap((item, index) => inside(item, `${path}.${index}`))
    : [`${path}: must be a list`];
}

function block(schema: Block, value: unknown, path: string): readonly string[] {
  if (!isRecord(value)) return [`${path}: must be an object`];
  const attributes = schema.attributes ?? {};
  const blocks = schema.block_types ?? {};
  const at = (key: string) => (path === "" ? key : `${path}.${key}`);
  const given = Object.entries(value).filter(([key]) => !META.has(key));
  return [
    ...given.flatMap(([key, item]) => {
      const known = attributes[key];
      if (known) return attribute(known, item, at(key));
      const type = blocks[key];
      if (!type) return [`${at(key)}: does not exist`];
      // JSON configuration may write one block as an object or as a list of one.
      const items = Array.isArray(item) ? item : [item];
      const max = type.nesting_mode === "single" ? 1 : type.max_items;
      return [
        ...(max !== undefined && items.length > max ? [`${at(key)}: at most ${max}`] : []),
        ...items.flatMap((one, index) => block(type.block, one, `${at(key)}.${index}`)),
      ];
    }),
    ...Object.entries(attributes)
      .filter(([key, { required }]) => required && (value[key] === undefined || value[key] === null))
      .map(([key]) => `${at(key)}: is required`),
    ...Object.entries(blocks)
      .filter(([key, { min_items }]) => (min_items ?? 0) > 0 && value[key] === undefined)
      .map(([key]) => `${at(key)}: is required`),
  ];
}

/** What a document asks of a provider that the provider does not take: one sentence per argument, with its address. */
export function schemaViolations(document: PolicyDocument, name: string, schema: ProviderSchema): readonly string[] {
  const prefixed = (address: string, findings: readonly string[]) =>
    findings.map((finding) => `${address}: ${finding}`);
  const own = document.resources.filter(({ type }) => type.startsWith(`${name}_`));
  return [
    ...own.flatMap(({ address, mode, type, values }) => {
      const entity = (mode === "data" ? schema.data_source_schemas : schema.resource_schemas)?.[type];
      return entity ? prefixed(address, block(entity.block, values, "")) : [`${address}: the provider has no ${type}`];
    }),
    ...document.settings
      .filter(({ address }) => address === `provider.${name}`)
      .flatMap(({ address, values }) => prefixed(address, block(schema.provider.block, values, ""))),
  ];
}
