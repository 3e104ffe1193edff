import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formsOf, Search } from "./forms.ts";

const secret = Buffer.from(randomBytes(32).toString("hex"));
const search = new Search([{ name: "secret", bytes: secret }]);
const seen = (text: string): boolean => search.in(text).length > 0;
const bytes = (max: number) => fc.uint8Array({ maxLength: max }).map((array) => Buffer.from(array));

describe("canary search", () => {
  it("finds the value and its bytes in base64 wherever they stand in a longer text", () => {
    fc.assert(
      fc.property(
        bytes(40),
        bytes(40),
        fc.constantFrom<BufferEncoding>("base64", "base64url", "hex", "latin1"),
        fc.boolean(),
        (before, after, encoding, raw) => {
          const value = raw ? Buffer.from(secret.toString(), "hex") : secret;
          expect(seen(Buffer.concat([before, value, after]).toString(encoding))).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each<[string, string]>([
    ["reversed", Buffer.from(secret.toReversed()).toString()],
    ["in capitals", secret.toString().toUpperCase()],
    ["in a URL", `https://example.com/?token=${encodeURIComponent(secret.toString())}`],
    ["in JSON", JSON.stringify({ value: secret.toString() })],
    ["as strace prints a binary buffer", [...secret].map((byte) => `\\x${byte.toString(16)}`).join("")],
  ])("finds it %s", (_, text) => {
    expect(seen(text)).toBe(true);
  });

  it("finds a value with special characters as JSON and as a URL would carry it", () => {
    const odd = 'p"ss\\wörd/with+signs&more';
    const find = new Search([{ name: "odd", bytes: Buffer.from(odd) }]);
    for (const text of [odd, JSON.stringify(odd), encodeURIComponent(odd)])
      expect(find.in(Buffer.from(text).toString("latin1"))).not.toEqual([]);
  });

  it("finds nothing in what only looks alike", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 200 }), (other) => {
        expect(seen(Buffer.from(other).toString("hex"))).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it("names the form, never the value", () => {
    const [sighting] = search.in(secret.toString());
    expect(sighting).toEqual({ canary: "secret", form: "raw" });
    expect(formsOf(secret).size).toBeGreaterThan(10);
  });

  it("refuses to search for nothing", () => {
    expect(() => new Search([])).toThrow(TypeError);
  });
});
