/** The id of a JSON-RPC request, looked for only when the gateway itself has to answer it. Judges nothing else about the body. */
import { isRecord } from "../../contract/json.ts";
import type { RpcId } from "./era.ts";

/** @returns null where JSON-RPC knows no such id */
export const rpcIdOf = (value: unknown): RpcId =>
  typeof value === "string" || (typeof value === "number" && Number.isFinite(value)) ? value : null;

const OPEN = new Set(["{", "["]);
const CLOSE = new Set(["}", "]"]);

/** Index behind the quote that ends the text which begins at `from`; the length when it does not end. */
function skipText(json: string, from: number): number {
  let at = from + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return Math.min(at + 1, json.length);
}

/**
 * The id in the beginning of a body that is too large to be kept: a member of the outermost object, the last one where it is named
 * twice, as a parser takes it. One pass. @returns null when it is not among these bytes
 */
function idInHead(json: string): RpcId {
  let depth = 0;
  let id: RpcId = null;
  for (let at = 0; at < json.length; at++) {
    const character = json[at] ?? "";
    if (OPEN.has(character)) depth++;
    else if (CLOSE.has(character)) depth--;
    if (character !== '"') continue;
    const end = skipText(json, at);
    const colon = depth === 1 ? /^\s{0,64}:\s{0,64}/.exec(json.slice(end, end + 130)) : null;
    if (colon && json.slice(at, end) === '"id"') id = valueAt(json, end + colon[0].length) ?? id;
    at = end - 1;
  }
  return id;
}

/** A string or number that is followed by something. */
function valueAt(json: string, from: number): RpcId {
  const end =
    json[from] === '"'
      ? skipText(json, from)
      : from + (/^[-+.\deE]{1,32}/.exec(json.slice(from, from + 32))?.[0].length ?? 0);
  if (end >= json.length || end === from) return null;
  try {
    return rpcIdOf(JSON.parse(json.slice(from, end)));
  } catch {
    return null;
  }
}

/** @param bytes of the body, or of its beginning @param whole false for a beginning */
export function findRpcId(bytes: Uint8Array, whole: boolean): RpcId {
  const json = new TextDecoder().decode(bytes);
  if (!whole) return idInHead(json);
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) ? rpcIdOf(value["id"]) : null;
  } catch {
    return null;
  }
}
