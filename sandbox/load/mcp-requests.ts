/** The MCP requests that the load generator sends, and what counts as a right answer to each. No sockets. */
import { DENIALS } from "../../contract/denial.ts";
import { MCP_PATH, MODERN_PROTOCOL_VERSION } from "../../contract/headers.ts";
import { isRecord } from "../../contract/json.ts";
import type { Presentation } from "../../contract/presentation.ts";

/** The last revision before per-request metadata; its answers are event streams. */
const LEGACY_PROTOCOL_VERSION = "2025-11-25";
const CLIENT_INFO = { name: "mcpist-traffic", version: "1.0.0" } as const;

type Json = Readonly<Record<string, unknown>>;

/**
 * What a client does. Two kinds are under way while things change: the body of `slow` arrives in two pieces, and `long` is a call
 * on which the origin works for seconds.
 */
export type RequestKind = "call" | "list" | "schema" | "legacy" | "slow" | "long";

/** How long a request of this kind takes by itself: the pause in a slow body, the work of a long call. Unit: milliseconds. */
export const OWN_MS: Readonly<Record<RequestKind, number>> = {
  call: 0,
  list: 0,
  schema: 0,
  legacy: 0,
  slow: 1_500,
  long: 2_500,
};

/** One request, ready to send. */
export interface McpRequest {
  readonly kind: RequestKind;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** In this order, again and again: mostly tool calls, some discovery, a few of the rest. */
const MIX =
  "call call list call schema call call legacy call list call call slow call schema call long call list call".split(
    " ",
  ) as RequestKind[];

/** Kind of the n-th request. */
export const kindOf = (n: number): RequestKind => MIX[n % MIX.length] ?? "call";

const HEADERS = { "content-type": "application/json", accept: "application/json, text/event-stream" } as const;
/** The built-in module that asks a listed host, and so takes as long as that host. */
const LONG_TOOL = { module: "http_status", tool: "check" } as const;
const CALL = { name: "call", arguments: { module: "time", tool: "now", params: {} } } as const;

/** The same, where tools are presented natively. */
const NATIVE_LONG = `${LONG_TOOL.module}__${LONG_TOOL.tool}`;
const NATIVE_CALL = { name: "time__now", arguments: {} } as const;

function nativeToolOf(kind: RequestKind, slowUrl: string) {
  return kind === "long" ? { name: NATIVE_LONG, arguments: { url: slowUrl } } : NATIVE_CALL;
}
function toolOf(kind: RequestKind, slowUrl: string) {
  if (kind === "schema") return { name: "get_module_schema", arguments: { module: "time" } } as const;
  return kind === "long" ? ({ name: "call", arguments: { ...LONG_TOOL, params: { url: slowUrl } } } as const) : CALL;
}

/** @param id JSON-RPC id; the answer must carry the same. @param slowUrl what a `long` call asks for. */
export function mcpRequest(
  kind: RequestKind,
  id: number,
  token: string,
  slowUrl: string,
  presentation: Presentation = "meta",
): McpRequest {
  const native = presentation === "native";
  const authorization = `Bearer ${token}`;
  if (kind === "legacy") {
    const body = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: native ? NATIVE_CALL : CALL });
    return {
      kind,
      path: MCP_PATH,
      headers: { ...HEADERS, authorization, "mcp-protocol-version": LEGACY_PROTOCOL_VERSION },
      body,
    };
  }
  // Natively there is no schema to ask for: it is in the list.
  const lists = kind === "list" || (native && kind === "schema");
  const method = lists ? "tools/list" : "tools/call";
  const tool = lists ? null : native ? nativeToolOf(kind, slowUrl) : toolOf(kind, slowUrl);
  const meta = {
    "io.modelcontextprotocol/protocolVersion": MODERN_PROTOCOL_VERSION,
    "io.modelcontextprotocol/clientInfo": CLIENT_INFO,
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const mirrored: Record<string, string> = tool === null ? {} : { "mcp-name": tool.name };
  if (tool && "tool" in tool.arguments)
    Object.assign(mirrored, { "mcp-param-module": tool.arguments.module, "mcp-param-tool": tool.arguments.tool });
  return {
    kind,
    path: MCP_PATH,
    headers: {
      ...HEADERS,
      authorization,
      "mcp-protocol-version": MODERN_PROTOCOL_VERSION,
      "mcp-method": method,
      ...mirrored,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id, method, params: { ...tool, _meta: meta } }),
  };
}

/** The message of an event stream that answers `id`, or the one JSON body. @returns null when there is none. */
function messageIn(contentType: string, body: string, id: number): Json | null {
  const texts = contentType.startsWith("text/event-stream")
    ? body.split(/\r?\n/).flatMap((line) => (line.startsWith("data:") ? [line.slice("data:".length)] : []))
    : [body];
  for (const text of texts) {
    try {
      const value: unknown = JSON.parse(text);
      if (isRecord(value) && value["id"] === id) return value;
    } catch {
      // Not every line of a stream is a message.
    }
  }
  return null;
}

/** What the gateway says of a refusal; a closed set, so that an answer can be told without being repeated. */
const REFUSALS: ReadonlySet<unknown> = new Set(Object.values(DENIALS).map(({ publicReason }) => publicReason));

/** Why the gateway refused, in its own word. @returns null where nobody or somebody else answered */
export function refusalOf(body: string): string | null {
  try {
    const { error } = JSON.parse(body) as { readonly error?: { readonly data?: { readonly reason?: unknown } } };
    const reason = error?.data?.reason;
    return typeof reason === "string" && REFUSALS.has(reason) ? reason : null;
  } catch {
    return null;
  }
}

/** Said of a tool that ran and did not succeed. */
export const TOOL_FAILED = "the tool failed";

/** @returns why the answer is not the right one, or null when it is. Never repeats the answer. */
export function faultOf(
  kind: RequestKind,
  id: number,
  status: number,
  contentType: string,
  body: string,
): string | null {
  if (status !== 200) return [`status ${status}`, refusalOf(body) ?? []].flat().join(" ");
  const message = messageIn(contentType, body, id);
  if (!message) return "no JSON-RPC answer";
  const { error, result } = message;
  if (isRecord(error)) return `JSON-RPC error ${String(error["code"])}`;
  if (!isRecord(result)) return "no JSON-RPC result";
  if (kind === "list" || Array.isArray(result["tools"]))
    return Array.isArray(result["tools"]) && result["tools"].length > 0 ? null : "an empty tool list";
  if (result["isError"] === true) return TOOL_FAILED;
  return Array.isArray(result["content"]) && result["content"].length > 0 ? null : "no content";
}
