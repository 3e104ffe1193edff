import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mintRequestId, uuidV7 } from "./request-id.ts";

describe("request id", () => {
  it("equals the example of RFC 9562", () => {
    // Appendix A.6: 2022-02-22T19:22:22Z, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F.
    expect(uuidV7(1_645_557_742_000, "00000000-0000-4cc3-98c4-dc0c0c07398f")).toBe(
      "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    );
  });

  it("is a UUIDv7 for every time and randomness, and sorts by time", () => {
    const random = fc.uuid({ version: 4 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 2 }), random, random, (now, one, two) => {
        const id = uuidV7(now, one);
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(id < uuidV7(now + 1, two)).toBe(true);
      }),
    );
  });

  it("never comes twice", () => {
    const ids = Array.from({ length: 10_000 }, () => mintRequestId(1_795_000_000_000));
    expect(new Set(ids).size).toBe(ids.length);
  });
});
