/**
 * W3C Trace Context: the caller's `traceparent` goes on to providers unchanged, as from a hop that records nothing itself. What is
 * not valid is dropped, as the recommendation asks; `tracestate` belongs to tracing systems and goes to nobody outside.
 */

/** Version 00, and of later versions what looks the same. Ids of zeros and version ff are invalid. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** @returns the header's value, or null where it is missing, repeated (joined by a comma) or invalid. */
export const traceparentOf = (value: string | readonly string[] | undefined): string | null =>
  typeof value === "string" && TRACEPARENT.test(value) ? value : null;
