/** libsodium's `crypto_box_seal`, which GitHub asks for: anonymous encryption to an X25519 public key. */
import { hsalsa, xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { blake2b } from "@noble/hashes/blake2.js";

const SIGMA = words(new TextEncoder().encode("expand 32-byte k"));

function words(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true));
}

/** HSalsa20 of the shared point: the key that `crypto_box` derives. */
function boxKey(shared: Uint8Array): Uint8Array {
  const out = new Uint32Array(8);
  hsalsa(SIGMA, words(shared), new Uint32Array(4), out);
  const key = new Uint8Array(32);
  const view = new DataView(key.buffer);
  out.forEach((word, i) => view.setUint32(4 * i, word, true));
  return key;
}

/**
 * Seals `message` to `publicKey` (32 bytes).
 * @param ephemeral 32 random bytes, used once and wiped.
 * @returns ephemeral public key, then the box: 48 bytes longer than the message.
 * @throws when `publicKey` is not 32 bytes or not a point of the prime-order group.
 */
export function seal(message: Uint8Array, publicKey: Uint8Array, ephemeral: Uint8Array): Uint8Array {
  const own = x25519.getPublicKey(ephemeral);
  const key = boxKey(x25519.getSharedSecret(ephemeral, publicKey));
  ephemeral.fill(0);
  const nonce = blake2b.create({ dkLen: 24 }).update(own).update(publicKey).digest();
  const box = xsalsa20poly1305(key, nonce).encrypt(message);
  key.fill(0);
  return Uint8Array.from([...own, ...box]);
}
