/**
 * Who may ask the broker: whoever presents one of two secrets, compared as the gateway secret is compared at an origin. No JWT is
 * looked at: neither a user's nor the project's own keys open anything here.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** The caller's credential; the origins send it. */
export const BROKER_SECRET_HEADER = "x-broker-secret";
const SECRET = /^[0-9a-f]{64}$/;
const TOMBSTONE = /^revoked:[0-9a-f]{16}$/;

const digestOf = (text: string): Uint8Array => createHash("sha256").update(text).digest();

/** One slot: a secret's digest, or random bytes that nothing hashes to. @throws {TypeError} naming the variable, never the value. */
function slot(name: string, text: string | undefined): { readonly digest: Uint8Array; readonly live: boolean } {
  if (text !== undefined && SECRET.test(text)) return { digest: digestOf(text), live: true };
  if (text !== undefined && !TOMBSTONE.test(text))
    throw new TypeError(`${name} must be 64 lower-case hex characters or revoked:<16 hex>`);
  return { digest: randomBytes(32), live: false };
}

/**
 * Builds the check of the two slots. @returns a function that tells whether a presented header is one of them.
 * @throws {TypeError} when a slot is malformed or none holds a secret.
 */
export function createCredentialCheck(
  a: string | undefined,
  b: string | undefined,
): (presented: string | null) => boolean {
  const slots = [slot("BROKER_SECRET_A", a), slot("BROKER_SECRET_B", b)] as const;
  if (!slots.some(({ live }) => live)) throw new TypeError("no secret in BROKER_SECRET_A or BROKER_SECRET_B");
  return (presented) => {
    if (presented === null || presented === "") return false;
    const digest = digestOf(presented);
    const isA = timingSafeEqual(digest, slots[0].digest);
    const isB = timingSafeEqual(digest, slots[1].digest);
    return (isA && slots[0].live) || (isB && slots[1].live);
  };
}
