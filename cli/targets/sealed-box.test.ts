import { randomBytes } from "node:crypto";
import sodium from "libsodium-wrappers";
import { beforeAll, describe, expect, it } from "vitest";
import { seal } from "./sealed-box.ts";

describe("sealed box", () => {
  beforeAll(() => sodium.ready);

  it("is opened by libsodium, for messages of every length from 1 to 200 bytes", () => {
    const { publicKey, privateKey } = sodium.crypto_box_keypair();
    for (let length = 1; length <= 200; length += 7) {
      const message = randomBytes(length);
      const box = seal(message, publicKey, randomBytes(32));
      expect(box.length).toBe(length + 48);
      expect(Buffer.from(sodium.crypto_box_seal_open(box, publicKey, privateKey))).toEqual(message);
    }
  });
  it("gives the same box for the same ephemeral key and wipes that key", () => {
    const { publicKey } = sodium.crypto_box_keypair("uint8array");
    const first = new Uint8Array(32).fill(7);
    const again = new Uint8Array(32).fill(7);
    expect(seal(new Uint8Array([1, 2, 3]), publicKey, first)).toEqual(
      seal(new Uint8Array([1, 2, 3]), publicKey, again),
    );
    expect(first).toEqual(new Uint8Array(32));
  });
  it("is made with the ephemeral key that was drawn for it, and with no other", () => {
    const { publicKey } = sodium.crypto_box_keypair();
    const ephemeral = randomBytes(32);
    const own = sodium.crypto_scalarmult_base(Uint8Array.from(ephemeral));
    expect(seal(new Uint8Array([1]), publicKey, ephemeral).subarray(0, 32)).toEqual(own);
  });
  it("refuses a public key of the wrong length", () => {
    expect(() => seal(new Uint8Array(1), new Uint8Array(31), randomBytes(32))).toThrow();
  });
});
