import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasDuplicateMember, parseStrictObject } from "./json.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("strict JSON", () => {
  it.each([
    '{"a":1,"a":1}',
    '{"a":1,"b":{"c":1,"c":2}}',
    '[{"x":[{"y":1,"y":2}]}]',
    '{"a":1,"\\u0061":2}',
    '{"a" : 1 , "a" :2}',
    '{"":1,"":2}',
  ])("sees the member that is named twice in %s", (text) => {
    expect(hasDuplicateMember(text)).toBe(true);
  });

  it.each([
    '{"a":"a","b":"a"}',
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":2}]',
    '{"a":"\\"a\\":1"}',
    '{"a\\\\":1,"a":2}',
    "{}",
    "[]",
    '"a"',
  ])("finds nothing twice in %s", (text) => {
    expect(hasDuplicateMember(text)).toBe(false);
  });

  it("never calls what JSON.stringify writes ambiguous, and reads it as it was", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const text = JSON.stringify(value);
        expect(hasDuplicateMember(text)).toBe(false);
        expect(parseStrictObject(bytes(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each(["", "null", "1", '"x"', "[]", "{", '{"a":1}x', '{"a":1,}', "{'a':1}", '\uFEFF{"a":1}', '{"a":1,"a":2}'])(
    "refuses %j",
    (text) => {
      expect(parseStrictObject(bytes(text))).toBeNull();
    },
  );

  it("refuses bytes that are not UTF-8", () => {
    expect(parseStrictObject(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBeNull();
  });
});
