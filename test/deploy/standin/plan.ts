/**
 * What a provider answers to "what would change": unknowns for results that an apply will bring, and the attributes that need a
 * new resource. The rules are those of the plugin framework. Pure.
 */
import type { Attribute, Block } from "./schema.ts";
import { equal, UNKNOWN, type Values } from "./values.ts";

/** What a resource says about planning. */
export interface PlanRules {
  /** Attributes that cannot change in place. */
  readonly replace: readonly string[];
  /** Results that every update brings anew. */
  readonly volatile?: readonly string[];
  /** What an optional attribute is when nobody says. */
  readonly defaults?: Values;
}

/** A planned change. */
export interface Planned {
  readonly values: Values;
  readonly replace: readonly string[];
}

const isValues = (value: unknown): value is Values =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function attribute(schema: Attribute, value: unknown): unknown {
  if (value === null && schema.computed) return UNKNOWN;
  const nested = schema.nested_type;
  if (!nested) return value;
  if (Array.isArray(value))
    return value.map((item) => (isValues(item) ? unknowns({ attributes: nested.attributes }, item) : item));
  return isValues(value) ? unknowns({ attributes: nested.attributes }, value) : value;
}

/** Every result that has no value yet becomes unknown. */
function unknowns({ attributes = {}, block_types = {} }: Block, values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      const known = attributes[key];
      if (known) return [key, attribute(known, value)];
      const inner = block_types[key]?.block;
      if (!inner) return [key, value];
      if (Array.isArray(value)) return [key, value.map((item) => (isValues(item) ? unknowns(inner, item) : item))];
      return [key, isValues(value) ? unknowns(inner, value) : value];
    }),
  );
}

const withDefaults = (values: Values, defaults: Values): Values =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, value === null && key in defaults ? defaults[key] : value]),
  );

/** @param prior null = there is none. @param proposed what Terraform would like: configuration over prior results. */
export function plan(block: Block, rules: PlanRules, prior: Values | null, proposed: Values): Planned {
  const wanted = withDefaults(proposed, rules.defaults ?? {});
  if (prior === null) return { values: unknowns(block, wanted), replace: [] };
  if (equal(prior, wanted)) return { values: prior, replace: [] };
  const volatile = Object.fromEntries((rules.volatile ?? []).map((name) => [name, UNKNOWN]));
  return {
    values: unknowns(block, { ...wanted, ...volatile }),
    replace: rules.replace.filter((name) => !equal(prior[name], wanted[name])),
  };
}
