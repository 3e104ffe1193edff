import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBase64Url, toBase64Url } from "./base64url.ts";

describe("base64url", () => {
  it("gives back every byte string", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(fromBase64Url(toBase64Url(bytes))).toEqual(new Uint8Array(bytes));
      }),
    );
  });

  it.each(["A", "AAAAA", "AA==", "AA=", "A A", "AA\n", "A+", "A/", "ä", "AB", "AAB", "_x"])(
    "has no second spelling: %j",
    (text) => {
      expect(fromBase64Url(text)).toBeNull();
    },
  );
});
