/**
 * Holds one exchange with an emulator against an excerpt of the vendor's own description: operation, parameters, fields, types,
 * enums and statuses. Says what deviates; {@link KNOWN_DEVIATIONS} says which of it is so on purpose, and why. Pure.
 */
import { isRecord } from "../../../contract/json.ts";

/** A type of the excerpt: a name of JSON's, a list, an enum, an object by its fields, a map, or `#Name` of a shared shape. */
export type Shape =
  | string
  | {
      readonly list: Shape;
      /** A parameter that may also be given once, with commas. */
      readonly commas?: true;
    }
  | { readonly enum: readonly string[] }
  | { readonly fields: Readonly<Record<string, Shape>> }
  | { readonly map: Shape };

/** One operation. Paths have `{name}` for parts that vary. */
export interface Operation {
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, Shape>>;
  readonly body?: Shape;
  /** With those that any operation may be answered with: {@link Description.refusals}. */
  readonly statuses: readonly number[];
  readonly answer: Shape;
}

/** An excerpt: what of the description the emulator imitates. */
export interface Description {
  readonly vendor: string;
  readonly operations: readonly Operation[];
  /** Statuses that any operation may be answered with and that the vendor does not repeat for each. */
  readonly refusals?: readonly number[];
  readonly error: Shape;
  readonly shapes: Readonly<Record<string, Shape | null>>;
}

/** One exchange; bodies are null where there is none, or none in JSON. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly request: unknown;
  readonly status: number;
  readonly answer: unknown;
}

/** A git ref and a key of KV have slashes of their own. */
const matches = (pattern: string, path: string): boolean =>
  new RegExp(`^${pattern.replaceAll(/\{(?:ref|key\.\.\.)\}/g, ".+").replaceAll(/\{[^}]+\}/g, "[^/]+")}$`).test(path);

/** @returns what does not fit, as `field: why`. */
function misfits(shapes: Description["shapes"], shape: Shape, value: unknown, at: string): readonly string[] {
  if (value === null || value === undefined || shape === "any") return [];
  if (typeof shape === "string") {
    if (shape.startsWith("#")) return misfits(shapes, shapes[shape.slice(1)] ?? "any", value, at);
    return typeof value === shape ? [] : [`${at}: is no ${shape}`];
  }
  if ("enum" in shape)
    return typeof value === "string" && shape.enum.includes(value) ? [] : [`${at}: is no value of the enum`];
  if ("list" in shape)
    return Array.isArray(value)
      ? value.flatMap((item) => misfits(shapes, shape.list, item, `${at}[]`))
      : [`${at}: is no list`];
  if (!isRecord(value)) return [`${at}: is no object`];
  if ("map" in shape) return Object.values(value).flatMap((item) => misfits(shapes, shape.map, item, `${at}.*`));
  return Object.entries(value).flatMap(([name, item]) => {
    const field = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
    return field === undefined ? [`${at}.${name}: is no field`] : misfits(shapes, field, item, `${at}.${name}`);
  });
}

function queryMisfits(operation: Operation, query: URLSearchParams): readonly string[] {
  return [...query].flatMap(([name, text]) => {
    // A family of parameters has one name up to its first dot.
    const family = name.replace(/\..*/, ".{key}");
    const shape = [name, family].flatMap((key) => (Object.hasOwn(operation.query, key) ? operation.query[key] : []))[0];
    if (shape === undefined) return [`?${name}: is no parameter`];
    const list = typeof shape === "object" && "list" in shape ? shape : undefined;
    const one = list ? list.list : shape;
    const said = list?.commas === true ? text.split(",") : [text];
    if (typeof one === "object" && "enum" in one && !said.every((value) => one.enum.includes(value)))
      return [`?${name}: is no value of the enum`];
    if (one === "number" && !Number.isFinite(Number(text))) return [`?${name}: is no number`];
    return one === "boolean" && text !== "true" && text !== "false" ? [`?${name}: is no boolean`] : [];
  });
}

/** @returns `operation what`: one sentence per deviation; a call that the excerpt does not have is one. */
export function deviations(description: Description, exchange: Exchange): readonly string[] {
  const { method, path, query, request, status, answer } = exchange;
  const operation = description.operations.find(
    (candidate) => candidate.method === method && matches(candidate.path, path),
  );
  if (!operation) return [`${method} ${path.replaceAll(/[0-9a-f-]{8,}/g, "{id}")}: is no operation of the excerpt`];
  const good = status >= 200 && status < 300;
  const found = [
    ...([...operation.statuses, ...(description.refusals ?? [])].includes(status) ? [] : [`${status}: is no status`]),
    // What was refused may have been anything.
    ...(good ? queryMisfits(operation, query) : []),
    ...(good && operation.body !== undefined ? misfits(description.shapes, operation.body, request, "request") : []),
    ...misfits(description.shapes, good ? operation.answer : description.error, answer, "answer"),
  ];
  return [...new Set(found)].map((text) => `${operation.operation} ${text}`);
}
