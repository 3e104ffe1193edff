import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createJsonBounds, MAX_DEPTH, MAX_VALUES } from "./json-bounds.ts";

const isWithinBounds = (text: Buffer): boolean => createJsonBounds().feed(text);

const within = (value: unknown): boolean => isWithinBounds(Buffer.from(JSON.stringify(value)));

function count(value: unknown): { readonly values: number; readonly depth: number } {
  if (typeof value !== "object" || value === null) return { values: 1, depth: 0 };
  const inner = Object.values(value).map(count);
  return {
    values: 1 + inner.reduce((sum, { values }) => sum + values, 0),
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
  };
}

describe("bounds of a JSON text", () => {
  it.each([
    ["a text of four million quotes, commas and brackets", '"{[,:\\'.repeat(700_000), true],
    ["a long list", Array.from({ length: MAX_VALUES / 2 - 2 }, () => 1), true],
    ["a longer list", Array.from({ length: MAX_VALUES + 1 }, () => 1), false],
    ["many small objects", Array.from({ length: 10_000 }, () => ({ a: {} })), false],
  ])("%s: %#", (_, value, expected) => {
    expect(within(value)).toBe(expected);
  });

  it.each([MAX_DEPTH, MAX_DEPTH + 1])("%i levels", (depth) => {
    expect(isWithinBounds(Buffer.from("[".repeat(depth) + "]".repeat(depth)))).toBe(depth <= MAX_DEPTH);
    expect(isWithinBounds(Buffer.from("[".repeat(depth)))).toBe(depth <= MAX_DEPTH);
  });

  it.each(['"\\', '"', '"\\"', '\\"', "", "}]}]", '"\\\\"[', "[[["])("ends on what is no JSON: %j", (text) => {
    expect(isWithinBounds(Buffer.from(text))).toBe(true);
  });

  it("let through every value that is well below them, and nothing that is above, whatever its texts hold", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(3), (value, spaces) => {
        const { values, depth } = count(value);
        expect(isWithinBounds(Buffer.from(JSON.stringify(value, null, spaces)))).toBe(true);
        expect(values < MAX_VALUES / 3 && depth < MAX_DEPTH).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 50 }), (texts) => {
        const many = Array.from({ length: MAX_VALUES + 1 }, (_, i) => texts[i % texts.length]);
        expect(within(many)).toBe(false);
      }),
      { numRuns: 20 },
    );
  });

  it("come out the same in whatever pieces the text arrives", () => {
    const text = fc
      .array(fc.constantFrom('"', "\\", "[", "]", "{", "}", ",", ":", "a"), { maxLength: 60 })
      .map((parts) => parts.join(""));
    // So little is missing to the bounds that every single miscount shows.
    const near = Buffer.from("[".repeat(MAX_DEPTH - 3));
    fc.assert(
      fc.property(text, fc.array(fc.nat(60), { maxLength: 6 }), (rest, cuts) => {
        const whole = Buffer.concat([near, Buffer.from(rest)]);
        const pieces = createJsonBounds();
        const edges = [
          0,
          ...cuts.map((cut) => near.length + Math.min(cut, rest.length)).toSorted((a, b) => a - b),
          whole.length,
        ];
        const answers = edges.slice(1).map((edge, i) => pieces.feed(whole.subarray(edges[i], edge)));
        expect(answers.every(Boolean)).toBe(isWithinBounds(whole));
      }),
      { numRuns: 1000 },
    );
  });
});
