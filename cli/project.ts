/** A project of one's own, as far as commands look at it beside mcpist.config.ts. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { type OwnModule, ownModules } from "../supabase/migrate/own-modules.ts";
import type { Context } from "./context.ts";
import { McpistError } from "./errors.ts";
import type { CommonFlags } from "./flags.ts";
import { HINTS } from "./hints/hints.ts";
import { configPath } from "./load-config.ts";
import { standInForPackage } from "./own-package.ts";

/** Folder of modules of one's own. */
export const MODULES_FOLDER = "modules";

/** Folder of the configuration. */
export const projectFolder = ({ cwd }: Pick<Context, "cwd">, { config }: Pick<CommonFlags, "config">): string =>
  dirname(configPath(cwd, config));

/** Where modules of one's own are; null = there is no configuration beside them, or there are none. */
export function modulesFolder(context: Pick<Context, "cwd">, flags: Pick<CommonFlags, "config">): string | null {
  const place = join(projectFolder(context, flags), MODULES_FOLDER);
  return existsSync(configPath(context.cwd, flags.config)) && existsSync(place) ? place : null;
}

/** Modules of the project; none where there is no such folder. @throws {McpistError} naming the file that is none. */
export async function projectModules(
  context: Pick<Context, "cwd">,
  flags: Pick<CommonFlags, "config">,
): Promise<readonly OwnModule[]> {
  const place = modulesFolder(context, flags);
  if (place === null) return [];
  standInForPackage();
  try {
    return await ownModules(place);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new McpistError("ERR_CONFIG", `${MODULES_FOLDER}/${cause.message}`, { hint: HINTS.noModule(), cause });
  }
}
