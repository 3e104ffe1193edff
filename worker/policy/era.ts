/**
 * Which MCP revision a request speaks, and what may be done with it when an origin fails. Modern requests mirror method and name
 * in headers that the origin checks against the body; for older ones such headers are hearsay and only the body counts.
 */
import { err, ok, type Result } from "../../contract/result.ts";
import type { Denial } from "../../contract/denial.ts";
import { MODERN_PROTOCOL_VERSION } from "../../contract/headers.ts";
import { isRecord } from "../../contract/json.ts";
import type { Presentation } from "../../contract/presentation.ts";
import type { ClientHeaders } from "./header-reader.ts";
import type { ProtocolVersion } from "./version.ts";
import { type CalledModule, moduleInParams } from "./module-limit.ts";
import { rpcIdOf, type RpcId } from "./rpc-id.ts";

/** modern = headers mirror the body (2026-07-28 and later); legacy = every older one, or none. */
export type Era = "modern" | "legacy";

/**
 * What a failure before the first response byte allows.
 * safe = one retry elsewhere · claimed = one retry with the same request id, the claim in the shared database decides ·
 * stream = one retry, nothing was acknowledged yet · single = no retry, the method is not known to be repeatable.
 */
export type CallClass = "safe" | "claimed" | "stream" | "single";

const SAFE: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "server/discover",
  "tools/list",
  "prompts/list",
  "prompts/get",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "completion/complete",
]);
/** Methods whose target is mirrored in `Mcp-Name`. */
const NAMED: ReadonlySet<string> = new Set(["tools/call", "resources/read", "prompts/get"]);
const METHOD = /^[A-Za-z0-9_$./-]{1,128}$/;
/** The one tool that only reads (origin: Tool Sieve). */
const READ_ONLY_TOOL = "get_module_schema";

/** @param version as {@link protocolVersion} gives it; dates compare as text */
export const era = (version: ProtocolVersion | null): Era =>
  version !== null && version >= MODERN_PROTOCOL_VERSION ? "modern" : "legacy";

/**
 * @param name of the tool; anything but the literal read-only tool may have effects, encoded spellings of it included. Where tools are
 * presented natively there is no such tool.
 */
export function classOf(method: string, name: unknown, presentation: Presentation): CallClass {
  if (method === "tools/call") return presentation === "meta" && name === READ_ONLY_TOOL ? "safe" : "claimed";
  if (method === "subscriptions/listen") return "stream";
  return SAFE.has(method) || method.startsWith("notifications/") ? "safe" : "single";
}

/** Class of a modern request, from its headers. A client that lies here is refused by the origin before anything runs. */
export function modernClass(
  headers: ClientHeaders,
  presentation: Presentation,
): Result<{ readonly method: string; readonly callClass: CallClass }, Denial> {
  const method = headers.get("mcp-method") ?? "";
  const name = headers.get("mcp-name") ?? "";
  if (!METHOD.test(method)) return err({ reason: "mcp.header" });
  if (NAMED.has(method) && name === "") return err({ reason: "mcp.header" });
  return ok({ method, callClass: classOf(method, name, presentation) });
}

/** What a legacy body says. */
export interface LegacyCall {
  /** null for a response to the server. */
  readonly method: string | null;
  readonly id: RpcId;
  readonly callClass: CallClass;
  readonly module: CalledModule;
}

/**
 * Parses a legacy body as the origin will: UTF-8, a leading byte order mark dropped, the last of two equal members wins.
 * @returns `shape.batch` for an array: batches left the protocol, but older servers still execute them
 */
export function legacyCall(bytes: Uint8Array, presentation: Presentation): Result<LegacyCall, Denial> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return err({ reason: startsBatch(bytes) === true ? "shape.batch" : "shape.json" });
  }
  if (Array.isArray(value)) return err({ reason: "shape.batch" });
  if (!isRecord(value)) return err({ reason: "shape.message" });
  const { method, id, params } = value;
  const rpcId = rpcIdOf(id);
  if (typeof method !== "string") return ok({ method: null, id: rpcId, callClass: "single", module: { kind: "none" } });
  const given = isRecord(params) ? params : {};
  const module: CalledModule = method === "tools/call" ? moduleInParams(given, presentation) : { kind: "none" };
  return ok({ method, id: rpcId, callClass: classOf(method, given["name"], presentation), module });
}

/** Looks past byte order marks and white space. @returns null when `bytes` end before anything else comes. */
export function startsBatch(bytes: Uint8Array): boolean | null {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === 0xef && bytes[i + 1] === 0xbb && bytes[i + 2] === 0xbf) i += 2;
    else if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return byte === 0x5b;
  }
  return null;
}
