/** The id of a JSON-RPC request, by which clients match what the gateway itself has to answer. Judges nothing else about the body. */
import { isRecord } from "../../contract/json.ts";

/** A JSON-RPC id, or null. */
export type RpcId = string | number | null;

/** What may be told back as the id: a number that JSON.parse has rounded is not what the client sent. */
export const rpcIdOf = (id: unknown): RpcId =>
  typeof id === "string" || (typeof id === "number" && Number.isSafeInteger(id)) ? id : null;

const OPEN = new Set(["{", "["]);
const CLOSE = new Set(["}", "]"]);

/** Index behind the quote that ends the text which begins at `from`; the length when it does not end. */
function skipText(json: string, from: number): number {
  let at = from + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return Math.min(at + 1, json.length);
}

/** @param cut bytes may be missing at the end @throws {TypeError} for what is no UTF-8: its id could not be told back */
const textOf = (bytes: Uint8Array, { cut }: { readonly cut: boolean }): string =>
  new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes, { stream: cut });

/** The id of a whole body. @returns null where there is none, or none that can be told */
export function idIn(bytes: Uint8Array): RpcId {
  try {
    const value: unknown = JSON.parse(textOf(bytes, { cut: false }));
    return isRecord(value) ? rpcIdOf(value["id"]) : null;
  } catch {
    return null;
  }
}

/** The id in the beginning of a body that is too large to be kept. @returns null when it is not among these bytes */
export function idInHead(bytes: Uint8Array): RpcId {
  try {
    return memberId(textOf(bytes, { cut: true }));
  } catch {
    return null;
  }
}

/** True where the beginning of a body names a method: it is no answer of the client's to a server. */
export function namesMethod(bytes: Uint8Array): boolean {
  try {
    for (const [name] of outerMembers(textOf(bytes, { cut: true }))) if (name === '"method"') return true;
  } catch {
    // No UTF-8: whoever parses it will refuse it.
  }
  return false;
}

/** The last one where it is named twice, as a parser takes it. */
function memberId(json: string): RpcId {
  let id: RpcId = null;
  for (const [name, from] of outerMembers(json)) if (name === '"id"') id = valueAt(json, from) ?? id;
  return id;
}

/** Members of the outermost object: the name in its quotes, and where the value begins. One pass. */
function* outerMembers(json: string): Generator<readonly [name: string, from: number]> {
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const character = json[at] ?? "";
    if (OPEN.has(character)) depth++;
    else if (CLOSE.has(character)) depth--;
    if (character !== '"') continue;
    const end = skipText(json, at);
    const colon = depth === 1 ? /^\s{0,64}:\s{0,64}/.exec(json.slice(end, end + 130)) : null;
    if (colon) yield [json.slice(at, end), end + colon[0].length];
    at = end - 1;
  }
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
