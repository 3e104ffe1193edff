/**
 * Modules of one's own, as files: what `MCPIST_MODULES` names at an origin, and `modules/` of a project whose tools are registered.
 * Stands alone: each file's default export is looked at as far as its names; whoever runs the tools checks the rest.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ToolNames } from "./files.ts";

/** What is known of a module here. */
export interface OwnModule {
  readonly name: string;
  readonly tools: readonly { readonly name: string }[];
}

const FILE = /^[a-z][\w-]*\.[cm]?[jt]s$/i;
const NOT_A_MODULE = /\.(test|spec|d)\.[cm]?ts$|\.(test|spec)\.[cm]?js$/;
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

const isNamed = (value: unknown): value is { readonly name: string } =>
  typeof value === "object" && value !== null && "name" in value && typeof value.name === "string";
const isModule = (value: unknown): value is OwnModule =>
  isNamed(value) &&
  NAME.test(value.name) &&
  "tools" in value &&
  Array.isArray(value.tools) &&
  value.tools.every((tool) => isNamed(tool) && NAME.test(tool.name));

async function load(file: string): Promise<readonly OwnModule[]> {
  let exported: unknown;
  try {
    ({ default: exported } = (await import(pathToFileURL(file).href)) as { default?: unknown });
  } catch (cause) {
    throw new TypeError(
      `${basename(file)} cannot be loaded: ${cause instanceof Error ? cause.message : "it throws something else than an error"}`,
      { cause },
    );
  }
  const all: readonly unknown[] = Array.isArray(exported) ? exported : [exported];
  if (all.every((one) => isModule(one))) return all;
  throw new TypeError(`${basename(file)}: its default export is no module: export default defineModule({ … })`);
}

/** Names of the files in a folder that are modules, in order. */
export const moduleFiles = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder)).filter((name) => FILE.test(name) && !NOT_A_MODULE.test(name)).sort();

/**
 * Loads the modules of a folder (one file each, in the order of their names; tests are left out) or of one file (a list).
 * @param place absolute path
 * @throws {TypeError} when nothing is there, or naming the file that is no module.
 */
export async function ownModules(place: string): Promise<readonly OwnModule[]> {
  const found = await stat(place).catch(() => null);
  if (found === null) throw new TypeError(`there is no ${basename(place)}`);
  if (!found.isDirectory()) return load(place);
  const modules: OwnModule[] = [];
  for (const name of await moduleFiles(place)) modules.push(...(await load(join(place, name))));
  return modules;
}

/** Module and tool of each, as the database registers them. */
export const toolsOf = (modules: readonly OwnModule[]): ToolNames =>
  modules.flatMap(({ name, tools }) => tools.map((tool) => [name, tool.name] as const));
