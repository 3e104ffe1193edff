/** All modules, by name. Adding one is a file beside this one and a line in {@link builtIn}. Keys come from clients: Maps only. */
import type { Module, Tool } from "./module.ts";
import { time } from "./time.ts";

/** A module as the registry holds it. */
export interface RegisteredModule {
  readonly name: string;
  readonly description: string;
  readonly tools: ReadonlyMap<string, Tool>;
}
/** Module name to module. */
export type Registry = ReadonlyMap<string, RegisteredModule>;

const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** @throws {TypeError} on a bad or repeated name: a mistake of the module's author. */
export function createRegistry(modules: readonly Module[]): Registry {
  const registry = new Map<string, RegisteredModule>();
  for (const module of modules) {
    const tools = new Map<string, Tool>();
    for (const tool of module.tools) {
      if (!NAME.test(tool.name) || tools.has(tool.name)) throw new TypeError(`module ${module.name}: bad or repeated tool name`);
      tools.set(tool.name, tool);
    }
    if (!NAME.test(module.name) || registry.has(module.name)) throw new TypeError("bad or repeated module name");
    registry.set(module.name, { name: module.name, description: module.description, tools });
  }
  return registry;
}

/** The modules that ship with mcpist. */
export const builtIn = (): readonly Module[] => [time];
