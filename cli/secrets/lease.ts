/** How long a lock holds, and what may still be under way after it was taken from somebody. */
import { LONGEST_WRITE_MS } from "../patience.ts";

/** A run may write for this long without renewing. */
export const LEASE_SECONDS = 15 * 60;
/** The lock of a laptop is taken so long after its lease is over. Unit: milliseconds. */
export const LEASE_MARGIN_MS = 2 * 60_000;
/** A run may trust a look at the tip for so long. Unit: milliseconds. */
export const GUARD_TRUST_MS = 5000;
/**
 * After the lock was taken from a living run, its last write is over by then: no platform fences a write that is under way, but
 * the client ends it, and what was allowed before the takeover is sent within {@link LONGEST_WRITE_MS}. Unit: milliseconds.
 */
export const LATE_WRITES_MS = LONGEST_WRITE_MS + GUARD_TRUST_MS + 5000;
