/** UUIDv7 (RFC 9562 §5.7): sortable by time, 74 random bits. One per client request, made before any check. */

/** @param now milliseconds since the epoch @param random a UUIDv4; its random bits and variant are kept */
export function uuidV7(now: number, random: string): string {
  const time = Math.trunc(now).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`;
}

/** A new request id. */
export const mintRequestId = (now: number): string => uuidV7(now, crypto.randomUUID());
