/** How this command is typed where somebody works, and where its pages are: what is printed can be copied, and what is named is there. */
import { join, relative, sep } from "node:path";
import { isPackaged } from "./self.ts";
import { ownPackage } from "./version.ts";

/** What a person types and reads. */
export interface Invocation {
  /** Stands before the words of a command: "mcpist", "npx mcpist", "npm run mcpist --". */
  readonly program: string;
  /** Stands before "docs/": "", or a path that ends in "/". */
  readonly pages: string;
}

/** Set by bin/mcpist: the command was found on the PATH, and the next one will be. */
const TYPED_VARIABLE = "MCPIST_TYPED";

/** What somebody seems to have typed: bin/mcpist says it, and npx tells its programs; undefined = neither. */
export const typedBy = (env: Readonly<Record<string, string | undefined>>): "mcpist" | "npx mcpist" | undefined =>
  env[TYPED_VARIABLE] === "mcpist" ? "mcpist" : env["npm_command"] === "exec" ? "npx mcpist" : undefined;

const isInside = (folder: string, place: string): boolean => place === folder || place.startsWith(folder + sep);

/**
 * @param cwd absolute
 * @param root folder of this tool's package; null = it cannot be found
 * @param packaged false = a checkout, in which npm starts it
 * @param typed what {@link typedBy} says
 */
export function invocationAt(cwd: string, root: string | null, packaged: boolean, typed?: string): Invocation {
  const own = root?.replace(/[/\\]+$/, "") ?? null;
  if (own === null) return { program: "mcpist", pages: "" };
  const path = relative(cwd, own);
  const pages = path === "" ? "" : `${path.split(sep).join("/")}/`;
  if (!packaged)
    return isInside(own, cwd) ? { program: typed ?? "npm run mcpist --", pages } : { program: "mcpist", pages: "" };
  // Of pnpm too: the folder of the project is the one that holds the outermost node_modules.
  const [project = "", ...below] = own.split(`${sep}node_modules${sep}`);
  if (below.length === 0 || !isInside(project, cwd)) return { program: "mcpist", pages: "" };
  const installed = join(relative(cwd, project), "node_modules", "mcpist");
  return { program: "npx mcpist", pages: `${installed.split(sep).join("/")}/` };
}

/** The same for this process. */
export const invocation = (cwd: string, env: Readonly<Record<string, string | undefined>>): Invocation =>
  invocationAt(cwd, ownPackage()?.root ?? null, isPackaged(), typedBy(env));
