/**
 * The Tool Sieve: layer 1 shows exactly the allowed tools, layer 2 refuses every other name, layer 3 has refusals recorded.
 * It decides by one lookup in one Map; a miss costs the same and says the same whatever the reason. It never looks a reason up
 * before the answer is queued.
 */
import type { RegisteredTool, Registry } from "../modules/registry.ts";
import type { Permissions } from "./permissions.ts";
import { describe, type ToolDescription } from "./meta-tools.ts";

/** A module as a user sees it. */
export interface ModuleListing {
  readonly module: string;
  readonly description: string;
  readonly tools: readonly string[];
}

/** Layer 1 without a module: every module in which the user may call something. */
export function listModules(registry: Registry, permissions: Permissions): readonly ModuleListing[] {
  return Array.from(permissions.allowed, ([module, tools]) => ({
    module,
    description: registry.get(module)?.description ?? "",
    tools: [...tools.keys()],
  }));
}

/** Layer 1 with a module: its allowed tools, or null for a module that is unknown to this user. */
export function describeModule(permissions: Permissions, module: string): readonly ToolDescription[] | null {
  const tools = permissions.allowed.get(module);
  return tools ? Array.from(tools.values(), describe) : null;
}

/** Layer 2: the tool, or null. Names are compared as they are: no trimming, folding or normalising. */
export function admit(permissions: Permissions, module: string, tool: string): RegisteredTool | null {
  return permissions.allowed.get(module)?.get(tool) ?? null;
}
