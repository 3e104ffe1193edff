/**
 * What a foreign server says of its tools, made safe. Pure: no clock, no I/O. Nothing of a server is trusted: a name outside the
 * grammar, a tool that is too large and a page without an end are left out; the text that a model would see is bounded and pinned.
 */
import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { isRecord, type JsonObject } from "../../contract/json.ts";
import { TOOL_NAME } from "../../contract/names.ts";
import { err, ok, type Result } from "../../contract/result.ts";

/** Larger facts are no description but an attack on a model's context. Unit: UTF-16 code units of the canonical JSON. */
const MAX_FACTS_LENGTH = 64 * 1024;
/** Deeper schemas are refused: every step of a walk costs stack. */
const MAX_SCHEMA_DEPTH = 32;
/** Tools of one server; what comes after them is left out and logged. */
export const MAX_TOOLS = 1_000;

/** Everything of a tool that a model may see. Absent members are absent, so that a pin says whether they were there. */
export interface ToolFacts {
  readonly name: string;
  readonly title?: string;
  readonly description: string;
  /** JSON Schema of the parameters, without `x-mcp-header` and without remote references. */
  readonly inputSchema: JsonObject;
  readonly outputSchema?: JsonObject;
  readonly annotations?: JsonObject;
}

/** Why a tool is left out; one constant each, so that a log line holds nothing of the server. */
export type FactsFault =
  | "name" // not 1 to 64 characters of A-Za-z0-9_.-
  | "shape" // not the object that MCP describes
  | "schema" // not a schema of an object
  | "reference" // a $ref that leaves the document
  | "depth" // nested too deeply
  | "size"; // longer than MAX_FACTS_LENGTH

/** Keywords that fetch or name another document. `$id` would change what a local `$ref` means. */
const REFERENCES: ReadonlySet<string> = new Set(["$ref", "$dynamicRef", "$recursiveRef"]);
const DROPPED: ReadonlySet<string> = new Set(["x-mcp-header", "$id", "id", "$schema"]);
/** Names of the language itself, kept at the root for whoever validates: nobody has to fetch them. */
const DIALECTS: ReadonlySet<unknown> = new Set([
  "https://json-schema.org/draft/2020-12/schema",
  "https://json-schema.org/draft/2019-09/schema",
  "http://json-schema.org/draft-07/schema#",
]);
/** Members of a schema whose keys are names of the author's choice, not keywords. */
const NAMED: ReadonlySet<string> = new Set([
  "properties",
  "patternProperties",
  "$defs",
  "definitions",
  "dependentSchemas",
]);
/** Members whose content is data: nothing in it is a keyword. */
const DATA: ReadonlySet<string> = new Set(["const", "enum", "default", "examples"]);

/** Copies a schema without what is dangerous in it. `named` = the keys of `value` are names. */
function cleaned(value: unknown, depth: number, named: boolean): Result<unknown, FactsFault> {
  if (depth > MAX_SCHEMA_DEPTH) return err("depth");
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const item of value) {
      const copy = cleaned(item, depth + 1, false);
      if (!copy.ok) return copy;
      items.push(copy.value);
    }
    return ok(items);
  }
  if (!isRecord(value)) return ok(value);
  const entries: [string, unknown][] = [];
  for (const [key, member] of Object.entries(value)) {
    if (!named && DROPPED.has(key)) continue;
    if (!named && REFERENCES.has(key) && !(typeof member === "string" && member.startsWith("#")))
      return err("reference");
    const copy =
      !named && DATA.has(key) ? bounded(member, depth + 1) : cleaned(member, depth + 1, !named && NAMED.has(key));
    if (!copy.ok) return copy;
    entries.push([key, copy.value]);
  }
  // Not by assignment: a member named __proto__ would set the prototype.
  return ok(Object.fromEntries(entries));
}

/** Data as it is, unless it is nested too deeply. */
function bounded(value: unknown, depth: number): Result<unknown, FactsFault> {
  if (depth > MAX_SCHEMA_DEPTH) return err("depth");
  if (typeof value === "object" && value !== null)
    for (const member of Object.values(value)) {
      const copy = bounded(member, depth + 1);
      if (!copy.ok) return copy;
    }
  return ok(value);
}

function schemaOf(value: unknown): Result<JsonObject, FactsFault> {
  if (!isRecord(value) || (value["type"] !== undefined && value["type"] !== "object")) return err("schema");
  const copy = cleaned(value, 0, false);
  if (!copy.ok) return copy;
  const dialect = DIALECTS.has(value["$schema"]) ? { $schema: value["$schema"] } : {};
  return ok({ ...dialect, type: "object", ...(copy.value as JsonObject) });
}

const isText = (value: unknown): value is string | undefined => value === undefined || typeof value === "string";

/** Reads one entry of a foreign `tools/list`. Order of the checks: cheap first. */
export function readFacts(tool: unknown): Result<ToolFacts, FactsFault> {
  if (!isRecord(tool)) return err("shape");
  const { name, inputSchema } = tool;
  // Some servers write null where there is nothing.
  const [title, description, outputSchema, annotations] = [
    tool["title"] ?? undefined,
    tool["description"] ?? undefined,
    tool["outputSchema"] ?? undefined,
    tool["annotations"] ?? undefined,
  ];
  if (typeof name !== "string" || !TOOL_NAME.shape.test(name)) return err("name");
  if (!isText(title) || !isText(description) || (annotations !== undefined && !isRecord(annotations)))
    return err("shape");
  const input = schemaOf(inputSchema);
  if (!input.ok) return input;
  const output = outputSchema === undefined ? null : schemaOf(outputSchema);
  if (output && !output.ok) return output;
  const notes = annotations === undefined ? null : bounded(annotations, 0);
  if (notes && !notes.ok) return notes;
  const facts: ToolFacts = {
    name,
    ...(title === undefined ? {} : { title }),
    description: description ?? "",
    inputSchema: input.value,
    ...(output ? { outputSchema: output.value } : {}),
    ...(annotations === undefined ? {} : { annotations }),
  };
  return textOf(facts).length > MAX_FACTS_LENGTH ? err("size") : ok(facts);
}

/** RFC 8785. A lone surrogate, which that form cannot hold, is replaced: the pin covers what a model would be shown. */
export const textOf = (value: unknown): string => (canonicalize(wellFormed(value)) ?? "null").toWellFormed();

/** The value with every lone surrogate in its texts and names replaced. */
function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key.toWellFormed(), wellFormed(member)]));
}

/**
 * The pin of a tool: SHA-256 over everything of it that a model sees, its server's instructions included.
 * @returns 64 lower-case hex characters.
 */
export function pinOf(facts: ToolFacts, instructions: string): string {
  return createHash("sha256").update(textOf({ facts, instructions })).digest("hex");
}
