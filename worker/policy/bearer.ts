/** The Authorization header: exactly one, scheme Bearer in any case, spaces, one compact JWS. Verifies nothing. */
import { err, ok, type Result } from "../../contract/result.ts";
import type { Denial } from "../../contract/denial.ts";
import { MAX_TOKEN_CHARACTERS } from "../constants.ts";

/** Before any library sees it: libraries accept white space and padding inside segments, this does not. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** @returns the token. A second header arrives joined by a comma, which no token contains. */
export function bearer(authorization: string | null): Result<string, Denial> {
  if (authorization === null || authorization === "") return err({ reason: "auth.missing" });
  if (authorization.includes(",")) return err({ reason: "auth.multiple" });
  // Another scheme is no attempt to use this one (RFC 6750 §3.1): the client is told how to sign in, without an error code.
  if (!/^bearer(\s|$)/i.test(authorization)) return err({ reason: "auth.missing" });
  // RFC 6750 §2.1 and RFC 9110 §11.4: one space or more, and nothing else that is white.
  const token = authorization.slice("bearer".length).replace(/^ +/, "");
  if (token.length > MAX_TOKEN_CHARACTERS) return err({ reason: "auth.size" });
  return authorization[6] === " " && COMPACT.test(token) ? ok(token) : err({ reason: "auth.shape" });
}
