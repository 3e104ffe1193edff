/** UUIDv7 (RFC 9562 §5.7): sortable by time, 74 random bits. One per client request, made before any check. */

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param now milliseconds since the epoch @param random 10 random bytes */
export function uuidV7(now: number, random: Uint8Array): string {
  if (random.length !== 10) throw new TypeError("a UUIDv7 takes 10 random bytes");
  const time = Math.trunc(now).toString(16).padStart(12, "0");
  const rest = Uint8Array.from(random);
  rest[0] = 0x70 | ((rest[0] ?? 0) & 0x0f);
  rest[2] = 0x80 | ((rest[2] ?? 0) & 0x3f);
  const text = time + hex(rest);
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`;
}

/** A new request id. */
export const mintRequestId = (now: number): string => uuidV7(now, crypto.getRandomValues(new Uint8Array(10)));
