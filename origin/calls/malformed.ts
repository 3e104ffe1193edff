/**
 * Requests whose parameters are not those of their method. The SDK tells that of `tools/call` as what it is, and of the others as an internal
 * error, which clients read as a fault of the server and repeat; so the others are looked at here, with the SDK's own schemas. Pure.
 */
import { MODERN_PROTOCOL_VERSION } from "../../contract/headers.ts";
import { isRecord } from "../../contract/json.ts";
import { specTypeSchemas, type SpecTypeName } from "@modelcontextprotocol/server";

/** JSON-RPC 2.0 §5.1. */
const INVALID_PARAMS = -32602;

/** What is served besides `tools/call`. Other methods are not there, however they are asked. */
const SCHEMAS = new Map<unknown, SpecTypeName>([
  ["initialize", "InitializeRequest"],
  ["ping", "PingRequest"],
  ["tools/list", "ListToolsRequest"],
]);
/** Gone since {@link MODERN_PROTOCOL_VERSION}: whoever speaks it hears that there is no such method, whatever the parameters. */
const LEGACY: ReadonlySet<unknown> = new Set(["initialize", "ping"]);
const VERSION = "io.modelcontextprotocol/protocolVersion";
/** More would be of no use to anybody. */
const FAULTS_NAMED = 3;

type Segment = PropertyKey | { readonly key: PropertyKey };
const nameOf = (segment: Segment): string => String(typeof segment === "object" ? segment.key : segment);

/** True for a request that says by itself that it is of a later revision than the handshake. */
function isModern({ params }: Readonly<Record<string, unknown>>): boolean {
  const meta = isRecord(params) ? params["_meta"] : null;
  const version = isRecord(meta) ? meta[VERSION] : null;
  return typeof version === "string" && version >= MODERN_PROTOCOL_VERSION;
}

/**
 * @param body a JSON-RPC message
 * @returns what is wrong with which fields; null when nothing is, for a notification, and for every other method
 */
export function malformed(body: Readonly<Record<string, unknown>>): string | null {
  const name = "id" in body ? SCHEMAS.get(body["method"]) : undefined;
  if (name === undefined || (LEGACY.has(body["method"]) && isModern(body))) return null;
  const { issues } = specTypeSchemas[name]["~standard"].validate(body);
  if (!issues) return null;
  const faults = issues
    .slice(0, FAULTS_NAMED)
    .map(({ path = [], message }) => `${path.map(nameOf).join(".")}: ${message}`);
  return `Invalid ${String(body["method"])} request. ${faults.join("; ")}`;
}

/** The answer that says so, with the id of the request. */
export const answerMalformed = (id: unknown, message: string): Response =>
  Response.json({ jsonrpc: "2.0", id, error: { code: INVALID_PARAMS, message } });
