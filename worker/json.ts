/** JSON from strangers: one meaning only. A text in which an object names a member twice has two readers' worth of meanings. */
import { isRecord, type JsonObject } from "../contract/json.ts";

/** @returns null when `bytes` are not UTF-8, not JSON, not an object, or name a member twice at any depth. */
export function parseStrictObject(bytes: Uint8Array): JsonObject | null {
  try {
    // ignoreBOM keeps a byte order mark, which JSON.parse then refuses.
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return isRecord(value) && !hasDuplicateMember(text) ? value : null;
  } catch {
    return null;
  }
}

/** `text` must be valid JSON. Names are compared after their escapes are resolved. */
export function hasDuplicateMember(text: string): boolean {
  const open: (Set<string> | null)[] = [];
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === "{") open.push(new Set());
    else if (character === "[") open.push(null);
    else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const start = i;
      for (i++; text[i] !== '"'; i++) if (text[i] === "\\") i++;
      let next = i + 1;
      while (" \t\n\r".includes(text[next] ?? "x")) next++;
      const names = open.at(-1);
      if (text[next] !== ":" || !names) continue;
      const name = JSON.parse(text.slice(start, i + 1)) as string;
      if (names.has(name)) return true;
      names.add(name);
    }
  }
  return false;
}
