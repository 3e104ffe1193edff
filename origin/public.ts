/**
 * What a project gets as `mcpist/origin`: modules of its own (defineModule, tool), and the guard for a server of its own that stands where
 * mcpist's origin stands.
 */
import type { Module, Tool } from "./modules/module.ts";

export { z } from "zod";
export {
  tool,
  ToolError,
  WholeResult,
  type ContentBlock,
  type Module,
  type Progress,
  type Tool,
  type ToolContext,
  type ToolResult,
} from "./modules/module.ts";
export { createUpstream } from "./modules/upstream.ts";
export { Secret } from "./modules/secret.ts";
export { createOriginGuard, type GuardOptions, type OriginGuard } from "./guard.ts";
export type { Identity } from "./identity.ts";

/** A module as a person writes it; `network` is false and `scopes` is empty where nothing is said. */
export interface ModuleInput extends Pick<Module, "name" | "description">, Partial<Pick<Module, "network" | "scopes">> {
  readonly tools: readonly Tool[];
}

/** Gives a module its type and its defaults. The default export of a file in modules/. */
export const defineModule = (module: ModuleInput): Module => ({ network: false, scopes: [], ...module });
