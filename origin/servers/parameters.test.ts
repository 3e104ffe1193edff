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
});
