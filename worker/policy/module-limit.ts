/**
 * Limits per module: which count a tool call belongs to. Modern requests name the module in `Mcp-Param-Module`, which the origin
 * holds against the body before anything runs; for older ones only the body counts. No I/O.
 */
import { splitNative, type Presentation } from "../../contract/presentation.ts";
import type { ClientHeaders } from "./header-reader.ts";

/** Calls per second and user, by module; absent = no limit of its own. */
export type ModuleRates = Readonly<Record<string, number>>;

/** The module that a request calls: its name, null for none, "unread" when it cannot be told. */
export type CalledModule =
  | { readonly kind: "module"; readonly name: string }
  | { readonly kind: "none" }
  | { readonly kind: "unread" };

/** One count. */
export interface ModuleCount {
  /** Part of the count's name; never a user id. */
  readonly key: string;
  /** Calls per second; also the depth of the burst. */
  readonly rate: number;
}

/** More than any user can send. Unit: calls per second. */
const UNLIMITED = 1_000_000;
const NONE: CalledModule = { kind: "none" };
const called = (name: unknown): CalledModule => (typeof name === "string" ? { kind: "module", name } : NONE);

/**
 * `=?base64?…?=` around UTF-8, as MCP encodes header values that are not plain text; read as the SDK in the origin reads it, which
 * drops a byte order mark. @returns null when it is not that.
 */
function decoded(value: string): string | null {
  const inner = /^=\?base64\?(.*)\?=$/s.exec(value)?.[1];
  if (inner === undefined) return value;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(
      Uint8Array.from(atob(inner), (character) => character.charCodeAt(0)),
    );
  } catch {
    return null;
  }
}

/** A natively presented tool has its module's name in front. */
const ofNative = (name: unknown): CalledModule =>
  called(typeof name === "string" ? splitNative(name)?.module : undefined);

/** Of a modern request, by its headers. Without one the call belongs to no module: the origin refuses it. */
export function moduleInHeaders(headers: ClientHeaders, presentation: Presentation): CalledModule {
  if (headers.get("mcp-method") !== "tools/call") return NONE;
  const name = decoded(headers.get(presentation === "native" ? "mcp-name" : "mcp-param-module") ?? "");
  if (name === null) return { kind: "unread" };
  return presentation === "native" ? ofNative(name) : called(name);
}

/** Of a legacy `tools/call`, by its parsed parameters. */
export function moduleInParams(params: Readonly<Record<string, unknown>>, presentation: Presentation): CalledModule {
  if (presentation === "native") return ofNative(params["name"]);
  const given = params["arguments"];
  return typeof given === "object" && given !== null
    ? called((given as Readonly<Record<string, unknown>>)["module"])
    : NONE;
}

/**
 * Where the call is counted, or null. What could not be read is counted on its own at the lowest rate that there is: whoever wraps
 * a call into a large body gains nothing.
 */
export function moduleCount(module: CalledModule, rates: ModuleRates | undefined): ModuleCount | null {
  if (!rates || Object.keys(rates).length === 0 || module.kind === "none") return null;
  if (module.kind === "unread") {
    const lowest = Math.min(...Object.values(rates));
    return Number.isFinite(lowest) ? { key: "?", rate: lowest } : null;
  }
  const rate = Object.hasOwn(rates, module.name) ? rates[module.name] : undefined;
  // Names without a limit are counted as well, so that the time of an answer does not tell which ones have one.
  return rate === undefined ? { key: "*", rate: UNLIMITED } : { key: module.name, rate };
}
