import { describe, expect, it } from "vitest";
import { kidOf, otherSlot, parseSecret, parseSlot, tombstone, ZERO_TOMBSTONE } from "./gateway-secret.ts";

const VECTOR = Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(2, "0")).join("");
const GOOD = "9f00112233445566778899aabbccddeeff0123456789abcdeffedcba98765432";

describe("gateway secret", () => {
  it("names the published test vector ad16856218e52ec8", async () => {
    expect(await kidOf(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe("ad16856218e52ec8");
  });
  it("refuses the published test vector as a secret", () => {
    expect(parseSecret(VECTOR)).toEqual({ ok: false, error: "published" });
  });
  it.each([
    ["empty", ""],
    ["63 characters", GOOD.slice(1)],
    ["65 characters", `${GOOD}0`],
    ["upper case", GOOD.toUpperCase()],
    ["trailing newline", `${GOOD}\n`],
    ["leading space", ` ${GOOD.slice(1)}`],
    ["a word", "correct horse battery staple"],
  ])("refuses a value of the wrong shape: %s", (_, text) => {
    expect(parseSecret(text)).toEqual({ ok: false, error: "shape" });
  });
  it("refuses fewer than 16 different byte values", () => {
    expect(parseSecret("ab".repeat(32))).toEqual({ ok: false, error: "low-entropy" });
    const fifteen = Array.from({ length: 32 }, (_, i) => (i % 15).toString(16).padStart(2, "0")).join("");
    expect(parseSecret(fifteen)).toEqual({ ok: false, error: "low-entropy" });
  });
  it("accepts 64 lower-case hex characters with enough different bytes", () => {
    expect(parseSecret(GOOD)).toMatchObject({ ok: true, value: { length: 32 } });
  });
  it("rejects a kid of anything but 32 bytes", async () => {
    await expect(kidOf(new Uint8Array(31))).rejects.toThrow("32 bytes");
  });
});

describe("slot grammar", () => {
  it("tells unset, secret, tombstone and invalid apart", () => {
    expect(parseSlot(undefined)).toEqual({ kind: "unset" });
    expect(parseSlot(GOOD)).toMatchObject({ kind: "secret" });
    expect(parseSlot(ZERO_TOMBSTONE)).toEqual({ kind: "revoked", kid: "0000000000000000" });
    expect(parseSlot("")).toEqual({ kind: "invalid", fault: "shape" });
    expect(parseSlot("revoked:xyz")).toEqual({ kind: "invalid", fault: "shape" });
    expect(parseSlot("revoked:0000000000000000 ")).toEqual({ kind: "invalid", fault: "shape" });
  });
  it("writes tombstones only for kids", () => {
    expect(tombstone("9b2d70c4418ea6f5")).toBe("revoked:9b2d70c4418ea6f5");
    expect(() => tombstone("nope")).toThrow(TypeError);
  });
  it("knows the other slot", () => {
    expect([otherSlot("a"), otherSlot("b")]).toEqual(["b", "a"]);
  });
});
