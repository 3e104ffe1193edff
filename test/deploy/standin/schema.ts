/** A provider's schema between its two forms: JSON as `terraform providers schema` prints it, and the protocol's messages. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One attribute. */
export interface Attribute {
  readonly type?: unknown;
  readonly nested_type?: { readonly attributes: Readonly<Record<string, Attribute>>; readonly nesting_mode: string };
  readonly required?: boolean;
  readonly optional?: boolean;
  readonly computed?: boolean;
  readonly sensitive?: boolean;
}
/** Attributes and blocks of one level. */
export interface Block {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly block_types?: Readonly<
    Record<
      string,
      { readonly nesting_mode: string; readonly block: Block; readonly min_items?: number; readonly max_items?: number }
    >
  >;
}
/** Schema of a provider, resource or data source. */
export interface Entity {
  readonly version: number;
  readonly block: Block;
}
/** Schemas of one provider and its registry address. */
export interface ProviderSchema {
  /** `registry.terraform.io/koyeb/koyeb` */
  readonly address: string;
  readonly provider: Entity;
  readonly resources: Readonly<Record<string, Entity>>;
  readonly dataSources: Readonly<Record<string, Entity>>;
}

const FOLDER = join(import.meta.dirname, "../../../stacks/schemas");

/** The schema excerpt that the stacks are tested against. */
export function schemaOf(name: string): ProviderSchema {
  const file = JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8")) as {
    readonly provider_schemas: Readonly<
      Record<
        string,
        {
          readonly provider: Entity;
          readonly resource_schemas: Readonly<Record<string, Entity>>;
          readonly data_source_schemas?: Readonly<Record<string, Entity>>;
        }
      >
    >;
  };
  const [entry] = Object.entries(file.provider_schemas);
  if (!entry) throw new Error(`no schema in ${name}.json`);
  const [address, { provider, resource_schemas: resources, data_source_schemas: dataSources = {} }] = entry;
  return { address, provider, resources, dataSources };
}

const NESTING: Readonly<Record<string, number>> = { single: 1, list: 2, set: 3, map: 4 };

const attributeMessage = ([name, attribute]: [string, Attribute]): object => ({
  name,
  required: attribute.required ?? false,
  optional: attribute.optional ?? false,
  computed: attribute.computed ?? false,
  sensitive: attribute.sensitive ?? false,
  ...(attribute.nested_type
    ? {
        nested_type: {
          attributes: Object.entries(attribute.nested_type.attributes).map(attributeMessage),
          nesting: NESTING[attribute.nested_type.nesting_mode],
        },
      }
    : { type: Buffer.from(JSON.stringify(attribute.type)) }),
});

const blockMessage = ({ attributes = {}, block_types = {} }: Block): object => ({
  attributes: Object.entries(attributes).map(attributeMessage),
  block_types: Object.entries(block_types).map(
    ([type_name, { block, nesting_mode, min_items = 0, max_items = 0 }]) => ({
      type_name,
      block: blockMessage(block),
      nesting: NESTING[nesting_mode],
      min_items,
      max_items,
    }),
  ),
});

/** The protocol's form. */
export const entityMessage = ({ version, block }: Entity): object => ({ version, block: blockMessage(block) });
