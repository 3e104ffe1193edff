/** Certificates that Node does not trust: behind a proxy that opens TLS, every platform looks as if it did not answer. */

/** Codes of Node and OpenSSL for a chain that ends at an authority that is not known here. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);
/** Deeper than errors are wrapped. */
const DEPTH = 8;

/** Code of the innermost error that has one, for messages; null = none has. */
export function causeCode(error: unknown, depth = 0): string | null {
  if (!(error instanceof Error) || depth > DEPTH) return null;
  const inner = causeCode(error.cause ?? (error instanceof AggregateError ? error.errors[0] : undefined), depth + 1);
  if (inner !== null) return inner;
  return "code" in error && typeof error.code === "string" && /^[A-Z][A-Z0-9_]{2,60}$/.test(error.code)
    ? error.code
    : null;
}

/** True where the other side's certificate is of an authority that Node does not know. */
export const isUntrusted = (error: unknown): boolean => UNTRUSTED.has(causeCode(error) ?? "");
