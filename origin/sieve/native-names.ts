/**
 * The names of natively presented tools. A name depends on its module and tool alone: what else exists, or is hidden, never changes it.
 * Pure.
 */
import { hash } from "node:crypto";
import { isNativeModule, NATIVE_SEPARATOR, splitNative } from "../../contract/presentation.ts";
import type { RegisteredTool, Registry } from "../modules/registry.ts";
import type { Permissions } from "./permissions.ts";

/** Hosts refuse longer names. */
const MAX_NAME = 64;
/** Hex digits that stand for the whole name where it cannot be written out. */
const DIGEST_LENGTH = 12;
const PLAIN = /^[A-Za-z0-9_-]+$/;
/** A plain name must not look like a shortened one. */
const LOOKS_SHORTENED = new RegExp(`_[0-9a-f]{${DIGEST_LENGTH}}$`);

/**
 * `module__tool`, 1 to 64 characters of `A-Za-z0-9_-`. A tool whose own name has other characters, or is too long, ends with a digest of
 * both names instead.
 * @returns null for a module that cannot be presented natively.
 */
export function nativeName(module: string, tool: string): string | null {
  if (!isNativeModule(module)) return null;
  const plain = module + NATIVE_SEPARATOR + tool;
  if (plain.length <= MAX_NAME && PLAIN.test(tool) && !LOOKS_SHORTENED.test(tool)) return plain;
  const digest = hash("sha256", `${module}\n${tool}`, "hex").slice(0, DIGEST_LENGTH);
  const room = MAX_NAME - module.length - NATIVE_SEPARATOR.length - DIGEST_LENGTH - 1;
  return `${module}${NATIVE_SEPARATOR}${tool.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, room)}_${digest}`;
}

/** A tool that a user may call, by its native name. */
export interface NativeTool {
  readonly name: string;
  readonly module: string;
  readonly tool: RegisteredTool;
}

const named = new WeakMap<RegisteredTool, NativeTool | null>();

/** A tool with its name, which costs a digest and is made once. */
function withName(module: string, tool: RegisteredTool): NativeTool | null {
  const found = named.get(tool);
  if (found !== undefined) return found;
  const name = nativeName(module, tool.name);
  const made = name === null ? null : { name, module, tool };
  named.set(tool, made);
  return made;
}

const known = new WeakMap<Permissions, ReadonlyMap<string, NativeTool>>();

/** What the user may call, sorted by name. Two tools with one name, which only a server's own names can bring about, are both left out. */
export function nativeTools(permissions: Permissions): ReadonlyMap<string, NativeTool> {
  const found = known.get(permissions);
  if (found) return found;
  const all = [...permissions.allowed].flatMap(([module, tools]) =>
    [...tools.values()].flatMap((tool) => withName(module, tool) ?? []),
  );
  const byName = Map.groupBy(
    all.sort((a, b) => (a.name < b.name ? -1 : 1)),
    ({ name }) => name,
  );
  const tools = new Map([...byName].flatMap(([name, [tool, twin]]) => (tool && !twin ? [[name, tool] as const] : [])));
  known.set(permissions, tools);
  return tools;
}

/**
 * What a refused name was meant to be, for the log: a tool of the registry, else the two parts as they stand. Only asked when the answer
 * is queued, and even then it takes as long whatever exists: the next answer waits for it.
 */
export function meantBy(registry: Registry, name: string): { readonly module: string; readonly tool: string } {
  const parts = splitNative(name);
  if (!parts) return { module: name, tool: "" };
  let meant = { module: parts.module, tool: parts.rest };
  // A name that is written out needs no search.
  if (!LOOKS_SHORTENED.test(name)) return meant;
  for (const [module, { tools }] of registry)
    for (const [tool, registered] of tools) if (withName(module, registered)?.name === name) meant = { module, tool };
  return meant;
}
