/**
 * Form of a request to the MCP endpoint, before anybody is authenticated: media type, declared size, header size, no token in
 * the address, web origin. Reads no body; a body without a declared length is counted while it streams (worker/body.ts).
 */
import { err, ok, type Result } from "../../contract/result.ts";
import type { Denial } from "../../contract/denial.ts";
import { MAX_BODY_BYTES, MAX_HEADER_BYTES } from "../constants.ts";

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?;?$/i;
const LENGTH = /^\d{1,15}$/;
const TOKEN_NAMES = /^(access_?token|id_?token|refresh_?token|token|auth|authorization|bearer|jwt|api_?key)$/i;
const TOKEN_SHAPE = /eyJ[\w-]*\.[\w-]+\.[\w-]*/;

/** JSON as UTF-8 without content encoding, within the size limit as far as it is declared. */
export function shape(headers: Headers): Result<void, Denial> {
  if (!JSON_TYPE.test(headers.get("content-type") ?? "")) return err({ reason: "shape.media" });
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") return err({ reason: "shape.media" });
  const length = headers.get("content-length");
  if (length !== null && (!LENGTH.test(length) || Number(length) > MAX_BODY_BYTES)) return err({ reason: "shape.size" });
  return ok(undefined);
}

/** MCP forbids access tokens in the query: they end up in logs and histories. The rest of a query is ignored, never forwarded. */
export function query(search: string): Result<void, Denial> {
  if (search === "") return ok(undefined);
  for (const [name, value] of new URLSearchParams(search))
    if (TOKEN_NAMES.test(name) || TOKEN_SHAPE.test(value)) return err({ reason: "shape.query_token" });
  return ok(undefined);
}

/** Sum of `name: value\r\n`, against one request that costs as much as hundreds. */
export function headerSize(headers: Headers): Result<void, Denial> {
  let bytes = 0;
  for (const [name, value] of headers) bytes += name.length + value.length + 4;
  return bytes > MAX_HEADER_BYTES ? err({ reason: "shape.headers" }) : ok(undefined);
}

/**
 * A browser sends `Origin`; a page that is not on the list must not reach a local or private MCP server through its visitor
 * (DNS rebinding; MCP: servers MUST validate Origin). Requests without the header come from programs.
 */
export function webOrigin(origin: string | null, allowedOrigins: readonly string[]): Result<void, Denial> {
  return origin === null || allowedOrigins.includes(origin) ? ok(undefined) : err({ reason: "shape.origin" });
}
