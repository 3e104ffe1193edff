/**
 * Checks parameters against a foreign JSON Schema before anything reaches the server. The validator is Ajv; patterns of the schema
 * are somebody else's code, so they run in RE2's linear time and a pattern that RE2 does not know refuses the tool, not the caller.
 */
import { createContext, Script } from "node:vm";
import canonicalize from "canonicalize";
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import formatsModule from "ajv-formats";
import { RE2JS } from "re2js";
import type { JsonObject } from "../../contract/json.ts";
import { err, ok, type Result } from "../../contract/result.ts";

// A CommonJS package: Node hands over its default, TypeScript sees the namespace.
const addFormats = formatsModule as unknown as typeof formatsModule.default;

/** Problems that are told to a caller. */
const MAX_ISSUES = 5;
/** A pattern is matched against texts of this length at most; longer ones do not match. Unit: UTF-16 code units. */
const MAX_MATCHED = 64 * 1024;

/** What Ajv takes for a regular expression. */
function linear(pattern: string, flags: string): RegExp {
  // Ajv asks for the flag u; RE2 always reads code points.
  const compiled = RE2JS.compile(pattern, flags.includes("i") ? RE2JS.CASE_INSENSITIVE : 0);
  const test = (text: string): boolean => text.length <= MAX_MATCHED && compiled.matcher(text).find();
  // Ajv keeps compiled patterns by their text.
  return { test, toString: () => `/${pattern}/${flags}` } as unknown as RegExp;
}
linear.code = "linear";

/** Formats whose check is a short, bounded expression; every other is a note, as the specification allows. */
const FORMATS = ["date", "date-time", "time", "uuid", "email", "ipv4", "ipv6", "uri", "hostname"] as const;

/** A check that takes longer than this is given up: it would hold up everybody. Unit: milliseconds. */
const CHECK_MS = 100;
/** The code of a check is made once. Unit: milliseconds. */
const COMPILE_MS = 1_000;
/** Schema and parameters up to this product are checked in a moment whatever they are; a watchdog costs more than that. */
const LIGHT = 2_000_000;

const watched: { work: () => unknown } = { work: () => undefined };
const script = new Script("work()");
const context = createContext(watched);

/** Runs `work` to its end. @throws when it takes longer than `ms`. */
function within<T>(ms: number, work: () => T): T {
  watched.work = work;
  return script.runInContext(context, { timeout: ms }) as T;
}

/** How much there is to check, as far as `limit`: members, and characters of texts. */
function sizeOf(value: unknown, limit: number): number {
  if (typeof value === "string") return 1 + value.length;
  if (typeof value !== "object" || value === null) return 1;
  let size = 1;
  for (const [key, member] of Object.entries(value)) {
    if (size > limit) break;
    size += key.length + sizeOf(member, limit - size);
  }
  return size;
}

/** References make one part of a schema look at one part of the parameters any number of times. */
const refers = (schema: unknown): boolean =>
  typeof schema === "object" &&
  schema !== null &&
  Object.entries(schema).some(([key, member]) => /^\$(?:dynamic|recursive)?ref$/i.test(key) || refers(member));

/** A validator of its own for each listing, so that nothing of tools that are gone is kept. */
function validator(): Ajv2020 {
  const ajv = new Ajv2020({
    strict: false,
    addUsedSchema: false,
    ownProperties: true,
    allErrors: false,
    logger: false,
    code: { regExp: linear },
  });
  // Ajv's own compares every item with every other.
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword({
    keyword: "uniqueItems",
    type: "array",
    schemaType: "boolean",
    validate: (unique: boolean, items: readonly unknown[]) =>
      !unique || new Set(items.map((item) => canonicalize(item))).size === items.length,
  });
  addFormats(ajv, { formats: [...FORMATS], mode: "fast" });
  return ajv;
}

/** Where and why, in the words of the schema; never what was sent. */
function issueOf({ instancePath, keyword, params }: ErrorObject): string {
  const at = instancePath === "" ? "params" : instancePath.slice(1).replaceAll("/", ".").slice(0, 100);
  switch (keyword) {
    case "required":
      return `${at}: "${String((params as { readonly missingProperty: unknown }).missingProperty).slice(0, 64)}" is missing`;
    case "type":
      return `${at}: must be ${String((params as { readonly type: unknown }).type)}`;
    case "additionalProperties":
    case "unevaluatedProperties":
      return `${at}: has a parameter that the tool does not know`;
    default:
      return `${at}: does not fit "${keyword}"`;
  }
}

/** Checks parameters. @returns as error up to five sentences that a caller may read. */
export type ParameterCheck = (params: unknown) => Result<void, readonly string[]>;

/** Compiles schemas that {@link readFacts} has cleaned. */
export interface ParameterCompiler {
  /**
   * Takes a schema; the code of its check is made at its first use, because a server may list a thousand that nobody calls.
   * @returns as error that the schema is not valid, or that one of its patterns is none of RE2.
   */
  compile(schema: JsonObject): Result<ParameterCheck, "schema">;
}

/** True when every `pattern` and every name in `patternProperties` is one of RE2. */
function arePatternsLinear(schema: unknown): boolean {
  if (typeof schema !== "object" || schema === null) return true;
  for (const [key, member] of Object.entries(schema)) {
    try {
      if (key === "pattern" && typeof member === "string") linear(member, "");
      if (key === "patternProperties" && typeof member === "object" && member !== null)
        for (const pattern of Object.keys(member)) linear(pattern, "");
    } catch {
      return false;
    }
    if (!arePatternsLinear(member)) return false;
  }
  return true;
}

/** One per listing of a server. */
export function createParameterCompiler(): ParameterCompiler {
  const ajv = validator();
  return {
    compile({ $schema: _dialect, ...schema }) {
      // Depth is bounded by readFacts, so the walk is.
      if (ajv.validateSchema(schema) !== true || !arePatternsLinear(schema)) return err("schema");
      let validate: ValidateFunction | null = null;
      let broken = false;
      const limit = refers(schema) ? 0 : LIGHT / sizeOf(schema, LIGHT);
      return ok((params) => {
        const wrong = err(["params: could not be checked against the schema of this tool"]);
        if (broken) return wrong;
        try {
          // With a name of its own a schema may refer to itself.
          const check = (validate ??= within(COMPILE_MS, () => ajv.compile({ $id: "mcpist:tool", ...schema })));
          const fits = sizeOf(params, limit) <= limit ? check(params) : within(CHECK_MS, () => check(params));
          if (fits) return ok(undefined);
        } catch {
          // A reference to nothing, or a check that runs out of stack or time: what cannot be checked is not run.
          broken = validate === null;
          return wrong;
        }
        return err((validate.errors ?? []).slice(0, MAX_ISSUES).map(issueOf));
      });
    },
  };
}
