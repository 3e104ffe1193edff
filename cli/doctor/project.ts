/**
 * Checks of a project that has the package: what an update asks for beyond `npm update`. Workflows are compared with this version's,
 * packages beside this one with what it was tested with, and the database with the migrations that this version brings.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { toolsOf } from "../../supabase/migrate/own-modules.ts";
import { observe } from "../../supabase/migrate/state.ts";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import type { CommonFlags } from "../flags.ts";
import { companions, installedVersion, isInRange } from "../peers.ts";
import { projectFolder, projectModules } from "../project.ts";
import { STAMP, WORKFLOWS, workflowText } from "../runs/init-project.ts";
import { openDatabase } from "../targets/postgres.ts";
import { toolVersion } from "../version.ts";
import { type Check, checksOf } from "./check.ts";

const textOf = (path: string): string | null => (existsSync(path) ? readFileSync(path, "utf8") : null);

/** The version that wrote a workflow; null = nobody of ours. */
const writtenBy = (text: string): string | null => STAMP.exec(text)?.[1] ?? null;

/** @param environment that the workflows of this project name */
export function checkWorkflows(folder: string, environment: string): readonly Check[] {
  const workflow = checksOf("workflow");
  return WORKFLOWS.flatMap((name) => {
    const held = [`mcpist-${name}`, name]
      .map((file) => textOf(join(folder, ".github/workflows", `${file}.yml`)))
      .find((text) => text?.includes("node_modules/.bin/mcpist"));
    if (held === undefined || held === null) return [];
    const version = writtenBy(held);
    if (held.replace(STAMP, "") === workflowText(name, environment).replace(STAMP, ""))
      return [workflow.ok(name, "as this version writes it")];
    // Changed by whoever uses this version: that is what it is for.
    if (version === toolVersion()) return [workflow.ok(name, "changed by hand")];
    return [
      workflow.missing(
        name,
        `written by ${version ?? "an unknown version"}, and this one writes another`,
        HINTS.renewFiles(environment),
      ),
    ];
  });
}

/** Packages beside this one that are older or newer than what it was tested with. */
function checkPackages(folder: string): readonly Check[] {
  const packages = checksOf("package");
  return Object.entries(companions()).flatMap(([name, tested]) => {
    const version = installedVersion(folder, name);
    if (version === null || isInRange(version, tested)) return [];
    return [
      packages.missing(
        name,
        `${version}; this version is tested with ${tested}`,
        HINTS.installPackages([`${name}@${tested}`]),
      ),
    ];
  });
}

async function checkDatabase(context: Context, flags: CommonFlags): Promise<readonly Check[]> {
  const database = checksOf("database");
  if (!context.env["DATABASE_URL"]) return [];
  try {
    const own = toolsOf(await projectModules(context, flags));
    const opened = await openDatabase(context);
    try {
      const { pending, findings } = await observe(opened, own);
      if (pending.length > 0)
        return [
          database.missing("schema", `${pending.length} migrations of this version are not applied`, HINTS.migrate()),
        ];
      const [first] = findings;
      return [
        first ? database.missing("schema", first.what, HINTS.schema(first.hint)) : database.ok("schema", "up to date"),
      ];
    } finally {
      await opened.close();
    }
  } catch (error) {
    context.signal.throwIfAborted();
    const { message, advice } =
      error instanceof McpistError ? error : { message: "it did not answer", advice: undefined };
    return [database.missing("schema", message, advice ?? HINTS.dbStatus())];
  }
}

/** Nothing where the configuration is no project's. */
export async function checkProject(
  context: Context,
  flags: CommonFlags,
  environment: string,
): Promise<readonly Check[]> {
  const folder = projectFolder(context, flags);
  const { dependencies = {} } = JSON.parse(textOf(join(folder, "package.json")) ?? "{}") as {
    dependencies?: Readonly<Record<string, string>>;
  };
  if (!Object.hasOwn(dependencies, "mcpist")) return [];
  return [...checkWorkflows(folder, environment), ...checkPackages(folder), ...(await checkDatabase(context, flags))];
}
