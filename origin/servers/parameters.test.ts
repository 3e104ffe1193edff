import { describe, expect, it } from "vitest";
import { createParameterCompiler } from "./parameters.ts";

const check = (schema: Readonly<Record<string, unknown>>) => {
  const compiled = createParameterCompiler().compile(schema);
  if (!compiled.ok) throw new Error(compiled.error);
  return compiled.value;
};
const PLACE = {
  type: "object",
  properties: { place: { type: "string", maxLength: 5 }, days: { type: "integer" } },
  required: ["place"],
  additionalProperties: false,
};

describe("parameters of a foreign tool", () => {
  it("pass when the schema takes them", () => {
    expect(check(PLACE)({ place: "Kyoto" })).toEqual({ ok: true, value: undefined });
  });

  it.each([
    ["one is missing", {}, 'params: "place" is missing'],
    ["one has another type", { place: 1 }, "place: must be string"],
    ["one is too long", { place: "Nagasaki" }, 'place: does not fit "maxLength"'],
    ["one is unknown", { place: "Kyoto", secret: "s3cr3t" }, "params: has a parameter that the tool does not know"],
  ])("are refused in words of ours when %s", (_, params, sentence) => {
    expect(check(PLACE)(params)).toEqual({ ok: false, error: [sentence] });
  });

  it.each([
    ["a nested quantifier", "^(a+)+$"],
    ["an alternation of the same", "^(a|a)*$"],
    ["a bounded repetition of repetitions", "^(a{1,30}){1,30}$"],
  ])("are matched in linear time against %s", (_, pattern) => {
    const hostile = check({ type: "object", properties: { a: { type: "string", pattern } } });
    // A backtracking engine would not end within the life of this test.
    expect(hostile({ a: `${"a".repeat(20_000)}!` }).ok).toBe(false);
  });

  it("are matched in linear time against names of parameters too", () => {
    const hostile = check({
      type: "object",
      patternProperties: { "^(b+)+$": { type: "null" } },
      additionalProperties: true,
    });
    expect(hostile({ [`${"b".repeat(20_000)}!`]: 1 }).ok).toBe(true);
  });

  it.each([
    ["is no schema", { type: "object", properties: { a: { type: "strin" } } }],
    ["has a pattern that looks back", { type: "object", properties: { a: { pattern: "(a)\\1" } } }],
    ["has a pattern that looks ahead", { type: "object", patternProperties: { "(?=a)": {} } }],
  ])("are not taken at all when the schema %s", (_, schema) => {
    expect(createParameterCompiler().compile(schema)).toEqual({ ok: false, error: "schema" });
  });

  it("are refused when the schema points nowhere, so that they cannot be checked", () => {
    expect(check({ type: "object", properties: { a: { $ref: "#/$defs/none" } } })({ a: 1 })).toEqual({
      ok: false,
      error: ["params: could not be checked against the schema of this tool"],
    });
  });

  it("are taken with a format that is only a note", () => {
    expect(check({ type: "object", properties: { a: { type: "string", format: "regex" } } })({ a: "(" }).ok).toBe(true);
  });

  it("are checked against a schema that refers to itself", () => {
    const tree = check({ type: "object", properties: { value: { type: "string" }, child: { $ref: "#" } } });
    expect(tree({ value: "a", child: { child: { value: "b" } } }).ok).toBe(true);
    expect(tree({ child: { child: { value: 1 } } })).toEqual({
      ok: false,
      error: ["child.child.value: must be string"],
    });
  });

  it("are given up where a schema looks at one place a thousand million times", () => {
    const twice = (n: number) => ({ anyOf: [{ $ref: `#/$defs/d${n}` }, { $ref: `#/$defs/d${n}` }] });
    const $defs = Object.fromEntries(
      Array.from({ length: 31 }, (_, n) => [`d${n}`, n === 0 ? { required: ["nothing"] } : twice(n - 1)]),
    );
    // Without a watchdog it would not end within the life of this test.
    const hostile = check({ type: "object", $defs, ...twice(30) });
    expect(hostile({})).toEqual({ ok: false, error: ["params: could not be checked against the schema of this tool"] });
  });

  it("may have thousands of items that all have to differ, whatever the order of their members", () => {
    const differ = check({ type: "object", properties: { a: { type: "array", uniqueItems: true } } });
    const ids = Array.from({ length: 2_000 }, (_, id) => ({ id, of: "a" }));
    expect(differ({ a: ids }).ok).toBe(true);
    expect(differ({ a: [...ids, { of: "a", id: 7 }] })).toEqual({
      ok: false,
      error: ['a: does not fit "uniqueItems"'],
    });
  });
});
