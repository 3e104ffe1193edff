/**
 * Form of a request to the MCP endpoint, before anybody is authenticated: media type, content encoding, declared size, header size, no token in
 * the address, web origin. Reads no body; a body without a declared length is counted while it streams (worker/body.ts).
 */
import { err, ok, type Result } from "../../contract/result.ts";
import type { Denial } from "../../contract/denial.ts";
import {
  MAX_BODY_BYTES,
  MAX_FORWARDED_HEADER_BYTES,
  MAX_HEADER_BYTES,
  MAX_HEADER_PARAMETERS,
  MAX_QUERY_CHARACTERS,
} from "../constants.ts";
import type { ClientHeaders } from "./header-reader.ts";
import { isForwarded } from "./crossing-headers.ts";

/**
 * RFC 9110 §8.3.1. Parameters are ignored: JSON is UTF-8 whatever a charset says (RFC 8259 §11), and the body is read as such. A
 * header that was sent twice arrives as a list, which is fine where both say the same.
 */
const PARAMETER = /[\w!#$%&'*+.^`|~-]+\s*=\s*(?:[\w!#$%&'*+.^`|~-]+|"(?:[^"\\]|\\.)*")/.source;
const JSON_TYPE = new RegExp(`^application/json\\s*(?:;\\s*(?:${PARAMETER}\\s*)?)*$`, "i");
const isJson = (type: string): boolean =>
  JSON_TYPE.test(type) || (type.includes(",") && type.split(",").every((part) => JSON_TYPE.test(part.trim())));
const LENGTH = /^\d{1,15}$/;
const TOKEN_NAMES = /^(access_?token|id_?token|refresh_?token|token|auth|authorization|bearer|jwt|api_?key)$/i;

/** True where a JWT stands in `text`: three segments, the first of them with the beginning of a JSON object. Looks at each character once. */
function holdsToken(text: string): boolean {
  for (const [run] of text.matchAll(/[\w.-]+/g)) {
    const segments = run.split(".");
    if (segments.some((segment, i) => i + 2 < segments.length && segments[i + 1] !== "" && segment.includes("eyJ")))
      return true;
  }
  return false;
}

/** JSON as UTF-8 without content encoding, within the size limit as far as it is declared. */
export function shape(headers: ClientHeaders): Result<void, Denial> {
  if (!isJson(headers.get("content-type") ?? "")) return err({ reason: "shape.media" });
  const encodings = (headers.get("content-encoding") ?? "").toLowerCase().split(",");
  if (encodings.some((encoding) => !["", "identity"].includes(encoding.trim())))
    return err({ reason: "shape.encoding" });
  const length = headers.get("content-length") ?? null;
  if (length !== null && (!LENGTH.test(length) || Number(length) > MAX_BODY_BYTES))
    return err({ reason: "shape.size" });
  return ok(undefined);
}

/** MCP forbids access tokens in the query: they end up in logs and histories. The rest of a query is ignored, never forwarded. */
export function query(search: string): Result<void, Denial> {
  if (search === "") return ok(undefined);
  if (search.length > MAX_QUERY_CHARACTERS) return err({ reason: "shape.headers" });
  for (const [name, value] of new URLSearchParams(search))
    if (TOKEN_NAMES.test(name) || holdsToken(name) || holdsToken(value)) return err({ reason: "shape.query_token" });
  return ok(undefined);
}

/** Names that only the gateway may set, without case and punctuation: some servers read `X_User.ID` as `X-User-ID`. */
const TRUSTED: ReadonlySet<string> = new Set(["xuserid", "xgatewaysecret", "xrequestid", "xbrokersecret"]);
/** Cloudflare adds these itself to every request, so they prove nothing about the client. */
const PLATFORM: ReadonlySet<string> = new Set(["x-forwarded-for", "x-forwarded-proto"]);

/** @returns the folded name when a client sent something that only the gateway may say. `name` is in lower case, as Headers give it. */
function spoofed(name: string): string | null {
  if (!name.startsWith("x") || PLATFORM.has(name)) return null;
  const folded = name.replaceAll(/[^a-z0-9]/g, "");
  return TRUSTED.has(folded) || folded.startsWith("xmcpist") || folded.startsWith("xforwarded")
    ? folded.slice(0, 32)
    : null;
}

/** Printable ASCII and tab: whatever else is in a header that is sent on grows on the way, and MCP encodes it (`=?base64?…?=`). */
const ASCII = /^[\t\x20-\x7e]*$/;

/**
 * One pass over the client's headers: their size, of all and of those that are sent on, against one request that costs as much as
 * hundreds or exceeds what a platform takes; and names that pretend to come from the gateway. Those are dropped in any case
 * (policy/crossing-headers.ts); here they are only noticed.
 * @returns the folded names of spoofed headers
 */
export function inspectHeaders(headers: ClientHeaders): Result<readonly string[], Denial> {
  let bytes = 0;
  let forwarded = 0;
  let parameters = 0;
  const spoofs: string[] = [];
  for (const [name, value] of headers) {
    const size = name.length + value.length + ": \r\n".length;
    bytes += size;
    if (isForwarded(name)) {
      if (!ASCII.test(value)) return err({ reason: "shape.header_bytes" });
      forwarded += size;
      if (name.startsWith("mcp-param-")) parameters++;
    }
    const folded = spoofed(name);
    if (folded !== null) spoofs.push(folded);
  }
  const fits =
    bytes <= MAX_HEADER_BYTES && forwarded <= MAX_FORWARDED_HEADER_BYTES && parameters <= MAX_HEADER_PARAMETERS;
  return fits ? ok(spoofs) : err({ reason: "shape.headers" });
}

/**
 * A browser sends `Origin`; a page that is not on the list must not reach a local or private MCP server through its visitor
 * (DNS rebinding; MCP: servers MUST validate Origin). Requests without the header come from programs.
 */
export function webOrigin(origin: string | null, allowedOrigins: readonly string[]): Result<void, Denial> {
  return origin === null || allowedOrigins.includes(origin) ? ok(undefined) : err({ reason: "shape.origin" });
}
