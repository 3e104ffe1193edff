/** One HTTP request on its way through the origin: what its parts may know of it. */
import type { Claim } from "./calls/idempotency.ts";
import type { Identity } from "./identity.ts";
import type { Permissions } from "./sieve/permissions.ts";

/** One HTTP request on its way through the SDK. */
export interface Exchange {
  readonly identity: Identity;
  readonly permissions: Permissions;
  /** Aborted when the client goes away or the deadline passes. */
  readonly signal: AbortSignal;
  readonly traceparent: string | null;
  /** What the claim of this request said; null when nothing was claimed. */
  readonly claim: Claim | null;
  /** Runs `work` when the answer has left or the client is gone. */
  readonly afterwards: (work: () => Promise<void>) => void;
}
