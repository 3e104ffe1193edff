/** What the tests of the two origin targets share: secrets with their kids, and a guard that counts. */
import { createHash } from "node:crypto";
import { kidOf, parseSecret } from "../../contract/gateway-secret.ts";
import type { Guard, OriginLook } from "../targets/types.ts";

export const ZERO = "revoked:0000000000000000";

/** A secret of its own for every name. */
export function secretOf(name: string): string {
  return createHash("sha256").update(name).digest("hex");
}
export async function kidOfText(text: string): Promise<string> {
  const parsed = parseSecret(text);
  if (!parsed.ok) throw new TypeError(`not a secret: ${parsed.error}`);
  return kidOf(parsed.value);
}

/** A guard that lets everything through and counts, or refuses from the n-th write on. */
export function countingGuard(refuseFrom = Number.POSITIVE_INFINITY): {
  readonly guard: Guard;
  readonly calls: () => number;
} {
  let calls = 0;
  return {
    calls: () => calls,
    guard: () => (++calls >= refuseFrom ? Promise.reject(new TypeError("the lease is over")) : Promise.resolve()),
  };
}

/** Kids of every instance, sorted, and of the configuration. */
export function summary(look: OriginLook): unknown {
  if (!look.ok) return look.reason;
  return { instances: look.instances.map(({ kids }) => JSON.stringify(kids)).toSorted(), config: look.config };
}
