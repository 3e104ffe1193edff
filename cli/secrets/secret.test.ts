import { describe, expect, it } from "vitest";
import { Redactor } from "../redact.ts";
import { Secret } from "./secret.ts";

const HEX = "00112233445566778899aabbccddeeffffeeddccbbaa99887766554433221100";
const drawing = (...texts: readonly string[]) => {
  const left = texts.map((text) => Buffer.from(text, "hex"));
  const asked: number[] = [];
  const randomBytes = (count: number): Buffer => {
    asked.push(count);
    const next = left.shift();
    if (!next) throw new RangeError(`nobody expected a draw of ${count} bytes`);
    return next.subarray(0, count);
  };
  return { asked, randomBytes };
};

describe("a generated secret", () => {
  it("is the 32 random bytes that were drawn for it, all of them and nothing else", async () => {
    const { asked, randomBytes } = drawing(HEX);
    const secret = await Secret.generate(randomBytes, new Redactor());
    expect(asked).toEqual([32]);
    expect(secret.reveal()).toBe(HEX);
  });

  it("is drawn anew, whole, where the draw would be refused", async () => {
    const { asked, randomBytes } = drawing("00".repeat(32), HEX);
    expect((await Secret.generate(randomBytes, new Redactor())).reveal()).toBe(HEX);
    expect(asked).toEqual([32, 32]);
  });

  it("is known to the redactor before anybody has seen it, prints as [secret], and is gone once it is wiped", async () => {
    const redactor = new Redactor();
    const secret = await Secret.generate(drawing(HEX).randomBytes, redactor);
    expect(redactor.apply(Buffer.from(HEX, "hex").toString("base64"))).toBe("[secret]");
    expect([String(secret), JSON.stringify({ secret })]).toEqual(["[secret]", '{"secret":"[secret]"}']);
    secret.wipe();
    expect(() => secret.reveal()).toThrow(TypeError);
  });
});
