/** All modules, by name. Adding one is a file beside this one and a line in {@link builtIn}. Keys come from clients: Maps only. */
import type { OriginConfig } from "../../contract/runtime-config.ts";
import { SANDBOX_ENVIRONMENT } from "../../contract/sandbox.ts";
import { github } from "./github.ts";
import { httpStatus } from "./http_status.ts";
import type { Module, Tool } from "./module.ts";
import { notion } from "./notion.ts";
import { time } from "./time.ts";

/** A module as the registry holds it. */
export interface RegisteredModule {
  readonly name: string;
  readonly description: string;
  readonly network: boolean;
  /** As in {@link Module}. */
  readonly scopes: readonly string[];
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
      if (!NAME.test(tool.name) || tools.has(tool.name))
        throw new TypeError(`module ${module.name}: bad or repeated tool name`);
      tools.set(tool.name, tool);
    }
    if (!NAME.test(module.name) || registry.has(module.name)) throw new TypeError("bad or repeated module name");
    const { name, description, network, scopes } = module;
    registry.set(name, { name, description, network, scopes, tools });
  }
  return registry;
}

/** What the modules of mcpist are configured with. */
export interface ModuleSettings extends Pick<OriginConfig, "environment" | "upstreams" | "httpStatusHosts"> {
  readonly fetch: typeof fetch;
}

/** The modules that ship with mcpist. @throws {TypeError} when a base URL is given for a module that has none: it would be ignored. */
export function builtIn({ environment, upstreams, httpStatusHosts, fetch }: ModuleSettings): readonly Module[] {
  const given = new Map(Object.entries(upstreams));
  const baseUrl = (module: string, usual: string): string => {
    const url = given.get(module) ?? usual;
    given.delete(module);
    return url;
  };
  const modules = [
    time,
    github(baseUrl("github", "https://api.github.com"), fetch),
    notion(baseUrl("notion", "https://api.notion.com"), fetch),
    httpStatus({ hosts: httpStatusHosts, allowLoopback: environment === SANDBOX_ENVIRONMENT }),
  ];
  const [unused] = given.keys();
  if (unused !== undefined) throw new TypeError(`modules.baseUrls: no module "${unused}" has a base URL`);
  return modules;
}
