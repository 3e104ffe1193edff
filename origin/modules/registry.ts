/** All modules, by name. Adding one is a file beside this one and a line in {@link builtIn}. Keys come from clients: Maps only. */
import { TOOL_NAME } from "../../contract/names.ts";
import type { OriginConfig } from "../../contract/runtime-config.ts";
import { SANDBOX_ENVIRONMENT } from "../../contract/sandbox.ts";
import { z } from "zod";
import { err, ok, type Result } from "../../contract/result.ts";
import { github } from "./github.ts";
import { httpStatus } from "./http_status.ts";
import type { Module, Tool, ToolContext } from "./module.ts";
import { notion } from "./notion.ts";
import { time } from "./time.ts";

/** Problems of parameters that a caller is told. */
const MAX_ISSUES = 5;

/** A tool as the registry holds it, wherever it came from: whoever knows its schema shows it and checks parameters against it. */
export interface RegisteredTool {
  /** 1 to 64 characters of `A-Za-z0-9_.-`. */
  readonly name: string;
  readonly description: string;
  /** As in {@link Tool}. */
  readonly readOnly: boolean;
  readonly idempotent: boolean;
  readonly destructive: boolean;
  /** What an operator approved must be this: SHA-256 over all that a model sees. null = a tool of mcpist itself. */
  readonly pin: string | null;
  /** JSON Schema of the parameters, as `get_module_schema` shows it. */
  readonly inputSchema: () => unknown;
  /** What else clients that see the tool itself are shown; absent = nothing. */
  readonly shown?: () => {
    readonly title?: string | undefined;
    readonly outputSchema?: unknown;
    /** The server's own; hints for display. */
    readonly annotations?: Readonly<Record<string, unknown>> | undefined;
  };
  /** @returns the parameters with their defaults, or as error up to five sentences for the caller. */
  readonly check: (params: unknown) => Result<unknown, readonly string[]>;
  /** `params` = what {@link check} returned. As {@link Tool.run}. */
  readonly run: (params: unknown, context: ToolContext) => Promise<unknown>;
}

/** A module as the registry holds it. */
export interface RegisteredModule {
  readonly name: string;
  readonly description: string;
  readonly network: boolean;
  /** As in {@link Module}. */
  readonly scopes: readonly string[];
  /** What may be run now; tools of a server come and go. */
  readonly tools: ReadonlyMap<string, RegisteredTool>;
  /** What a server says to whoever uses its tools; part of their pins. Empty = nothing. */
  readonly instructions: () => string;
}
/** Module name to module. */
export type Registry = ReadonlyMap<string, RegisteredModule>;

function registered({ input, run, ...tool }: Tool): RegisteredTool {
  let schema: unknown;
  return {
    ...tool,
    pin: null,
    inputSchema: () => (schema ??= z.toJSONSchema(input, { io: "input" })),
    check(params) {
      const read = input.safeParse(params);
      if (read.success) return ok(read.data);
      return err(
        read.error.issues.slice(0, MAX_ISSUES).map((issue) => `${issue.path.join("..") || "params"}: ${issue.message}`),
      );
    },
    // `check` returned it.
    run: (params, context) => run(params as z.output<typeof input>, context),
  };
}

/** `servers` = modules whose tools are not ours. @throws {TypeError} on a bad or repeated name: a mistake of the module's author. */
export function createRegistry(modules: readonly Module[], servers: readonly RegisteredModule[] = []): Registry {
  const registry = new Map<string, RegisteredModule>();
  for (const module of modules) {
    const tools = new Map<string, RegisteredTool>();
    for (const tool of module.tools) {
      if (!TOOL_NAME.shape.test(tool.name) || tools.has(tool.name))
        throw new TypeError(`module ${module.name}: bad or repeated tool name`);
      tools.set(tool.name, registered(tool));
    }
    if (!TOOL_NAME.shape.test(module.name) || registry.has(module.name))
      throw new TypeError("bad or repeated module name");
    const { name, description, network, scopes } = module;
    registry.set(name, { name, description, network, scopes, tools, instructions: () => "" });
  }
  for (const server of servers) {
    if (!TOOL_NAME.shape.test(server.name) || registry.has(server.name))
      throw new TypeError("bad or repeated module name");
    registry.set(server.name, server);
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
