/** How each vendor writes an error: a client that meets something else crashes, or takes it for success. Pure. */
import type { VendorName } from "./faults.ts";

const CODES: Readonly<Record<number, string>> = { 404: "not_found", 429: "too_many_requests", 503: "unavailable" };
const textOf = (status: number): string => CODES[status] ?? (status >= 500 ? "internal" : "invalid_argument");

/** What stands in the body of an error. @param path without its query; questions in GraphQL have a shape of their own. */
export function errorBody(vendor: VendorName, status: number, message: string, path: string): object {
  if (path.endsWith("/graphql"))
    return { data: null, errors: [{ message, path: [], extensions: { code: "NOT_FOUND" } }] };
  switch (vendor) {
    case "koyeb":
      return { status, code: textOf(status), message };
    case "fly":
      // Its `status` is a code of a few troubles that no fault here stands for.
      return { error: message };
    case "cloudflare":
      return { success: false, errors: [{ code: 7000, message }], messages: [], result: null };
    case "github":
      return { message, documentation_url: "https://docs.github.com/rest", status: String(status) };
    case "notion":
      return { object: "error", status, code: status === 404 ? "object_not_found" : "service_unavailable", message };
    case "idp":
      return { code: status, error_code: textOf(status), msg: message };
    default:
      return { message };
  }
}
