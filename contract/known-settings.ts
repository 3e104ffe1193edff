/** Which settings a place in a zod schema has; looks at the schema's own definition, so that no list of names can go stale. */

/** As much of a zod schema as is looked at. */
export interface SchemaNode {
  readonly _zod: { readonly def: object };
}

interface Definition {
  readonly type?: string;
  readonly innerType?: SchemaNode;
  readonly in?: SchemaNode;
  readonly shape?: Readonly<Record<string, SchemaNode>>;
  readonly element?: SchemaNode;
  readonly valueType?: SchemaNode;
  readonly options?: readonly SchemaNode[];
}

/** @param path as an issue has it @returns the names, of every alternative where there are several */
export function settingsAt(schema: SchemaNode, path: readonly PropertyKey[]): readonly string[] {
  // oxlint-disable-next-line no-underscore-dangle -- zod's own name for what its schemas say of themselves
  const def = schema._zod.def as Definition;
  const inner = def.innerType ?? def.in;
  if (inner) return settingsAt(inner, path);
  if (def.options) return [...new Set(def.options.flatMap((option) => settingsAt(option, path)))];
  const [key, ...rest] = path;
  if (key === undefined) return Object.keys(def.shape ?? {});
  const next = def.shape?.[String(key)] ?? def.element ?? def.valueType;
  return next ? settingsAt(next, rest) : [];
}
