/** What of a request the MCP SDK gets to see, and so whatever it hands on. Pure. */
import type { IncomingHttpHeaders } from "node:http";
import { MCP_PATH } from "../../contract/headers.ts";

/** Headers that the SDK may see; besides these only Mcp-Param-*. */
const SDK_HEADERS = [
  "accept",
  "content-type",
  "mcp-protocol-version",
  "mcp-method",
  "mcp-name",
  "traceparent",
  "tracestate",
] as const;
/**
 * The request that the SDK may see: no secret, no identity, nothing that is not on the list. It carries no signal: tools get theirs
 * from the exchange, and a stream ends by being cancelled; a signal on a Request costs a finalizer per call.
 */
export function requestForSdk(sent: IncomingHttpHeaders): Request {
  const headers = new Headers();
  for (const name of SDK_HEADERS) {
    const value = sent[name];
    if (typeof value === "string") headers.set(name, value);
  }
  for (const name in sent) {
    const value = sent[name];
    if (name.startsWith("mcp-param-") && typeof value === "string") headers.set(name, value);
  }
  return new Request(`http://origin.invalid${MCP_PATH}`, { method: "POST", headers });
}
