/** Finds the environment that a command works on: mcpist.config.ts, or the sandbox that this terminal is joined to. */
import { existsSync, readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseConfig, type ConfigIssue, type Environment, type NamedEnvironment } from "../contract/config.ts";
import { joinedEnvironment, joinedName, strayVariable } from "../contract/rehearsal.ts";
import { thrownSentence } from "../contract/thrown.ts";
import { parseSandboxUrls, SANDBOX_ENVIRONMENT, SANDBOX_VARIABLE, type SandboxUrls } from "../contract/sandbox.ts";
import type { Context } from "./context.ts";
import { McpistError } from "./errors.ts";
import { HINTS } from "./hints/hints.ts";
import { standInForPackage } from "./own-package.ts";
import { typedName } from "./redact.ts";

/** Default file, relative to the working directory. */
export const CONFIG_FILE = "mcpist.config.ts";

/** A file that asks somebody while it is loaded gets the time of one call. Unit: milliseconds. */
const LONGEST_LOAD_MS = 20_000;

/** The default export of a configuration file, checked. @throws {McpistError} ERR_CONFIG naming the field, never its content. */
export async function loadConfigFile(context: Context, file: string): Promise<Readonly<Record<string, Environment>>> {
  return checked(context, await importConfig(context, file), file);
}

/** An environment as the file has it, and as it is read. */
export interface WrittenEnvironment extends NamedEnvironment {
  readonly settings: unknown;
}

/**
 * One environment of a configuration file, also in a terminal that has joined a sandbox.
 * @param name absent = the only one
 * @throws {McpistError} ERR_USAGE when there are several and none is named, ERR_CONFIG for an unknown one.
 */
export async function loadWritten(
  context: Context,
  name: string | undefined,
  file: string,
): Promise<WrittenEnvironment> {
  const written = await importConfig(context, file);
  const environments = checked(context, written, file);
  const [only, ...others] = Object.keys(environments);
  if (name === undefined && others.length > 0)
    throw new McpistError("ERR_USAGE", "which environment? --env NAME is needed", {
      hint: HINTS.whichEnvironment(only ?? "NAME"),
    });
  const wanted = name ?? only ?? "";
  const { environment } = pickEnvironment(environments, wanted, file);
  const { environments: all } = written as { readonly environments: Readonly<Record<string, unknown>> };
  return { name: wanted, environment, settings: all[wanted] };
}

/**
 * A folder and those above it that belong to the same project: up to the one that has the repository, as code from further up would be
 * somebody else's; outside of a repository up to the next package.json. None where there is neither.
 */
export function projectFolders(from: string): readonly string[] {
  const above: string[] = [];
  for (let folder = resolve(from); folder !== dirname(folder); folder = dirname(folder)) above.push(folder);
  const end = (name: string): number => above.findIndex((folder) => existsSync(join(folder, name)));
  const last = end(".git") >= 0 ? end(".git") : end("package.json");
  return above.slice(0, last + 1);
}

/** Where a configuration file is. The default one is looked for in the {@link projectFolders} above, too. */
export function configPath(cwd: string, file: string): string {
  const here = resolve(cwd, file);
  if (file !== CONFIG_FILE || existsSync(here)) return here;
  const found = projectFolders(cwd).find((folder) => existsSync(join(folder, file)));
  return found === undefined ? here : join(found, file);
}

/** The file as somebody in this folder would name it. */
function shownPath(cwd: string, file: string): string {
  const path = configPath(cwd, file);
  return path === resolve(cwd, file) ? file : relative(cwd, path);
}

const told = new WeakSet<Context>();

/** Which file decides is not to be guessed where it is not in sight: it may name real accounts. Once for a command. */
function tellPath(context: Context, shown: string, file: string): void {
  if (shown === file || told.has(context)) return;
  told.add(context);
  context.stderr.write(`note  the configuration is ${shown}\n`);
}

async function importConfig(context: Context, file: string): Promise<unknown> {
  const path = configPath(context.cwd, file);
  if (!existsSync(path)) {
    const above =
      file === CONFIG_FILE && projectFolders(context.cwd).length > 1 ? ", nor above it in this project" : "";
    throw new McpistError("ERR_CONFIG", `there is no ${file} in this folder${above}`, {
      hint: HINTS.writeConfig(file === CONFIG_FILE ? null : file),
    });
  }
  const shown = shownPath(context.cwd, file);
  tellPath(context, shown, file);
  if (isModuleInCommonJs(path))
    throw new McpistError("ERR_CONFIG", `${shown} is an ES module, and its package.json says "type": "commonjs"`, {
      hint: HINTS.moduleType(),
    });
  standInForPackage();
  const refused = (reason: string, cause?: unknown) =>
    new McpistError("ERR_CONFIG", `${shown} cannot be loaded: ${reason}`, { hint: HINTS.brokenConfig(shown), cause });
  const wait = new AbortController();
  // Without something to wait for, Node ends the process where an await of the file never ends.
  const late = sleep(LONGEST_LOAD_MS, null, { signal: AbortSignal.any([wait.signal, context.signal]) });
  try {
    const module = await Promise.race([import(pathToFileURL(path).href) as Promise<{ default?: unknown }>, late]);
    if (module === null) throw refused(`an await in it has not ended after ${LONGEST_LOAD_MS / 1000} s`);
    return module.default;
  } catch (cause) {
    context.signal.throwIfAborted();
    if (cause instanceof McpistError) throw cause;
    throw refused(thrownSentence(cause, { folder: dirname(path), variables: context.env }), cause);
  } finally {
    wait.abort();
  }
}

/** True where the nearest package.json makes a .ts file CommonJS, as that of `npm init -y` does, and it is none. Node only warns beside its error. */
function isModuleInCommonJs(file: string): boolean {
  const manifest = file.endsWith(".ts") ? findPackageJSON(pathToFileURL(file)) : undefined;
  if (manifest === undefined) return false;
  try {
    const { type } = JSON.parse(readFileSync(manifest, "utf8")) as { readonly type?: unknown };
    return type === "commonjs" && /^(?:import|export)\b/m.test(readFileSync(file, "utf8"));
  } catch {
    // Whoever loads it says what is wrong.
    return false;
  }
}

/** What a file exports may be made by code of its own, which may throw when it is asked. */
function checked(context: Context, input: unknown, file: string): Readonly<Record<string, Environment>> {
  const where = shownPath(context.cwd, file);
  let parsed: ReturnType<typeof parseConfig>;
  try {
    parsed = parseConfig(input);
  } catch (cause) {
    const thrown = thrownSentence(cause, { folder: dirname(configPath(context.cwd, file)), variables: context.env });
    throw new McpistError("ERR_CONFIG", `${where}: what it exports cannot be read: ${thrown}`, {
      hint: HINTS.correctConfig(where),
      cause,
    });
  }
  if (parsed.ok) return parsed.value.environments;
  throw wrong(parsed.error, where);
}

function wrong([first, ...more]: readonly ConfigIssue[], where: string): McpistError {
  const rest = more.length > 0 ? ` (and ${more.length} more)` : "";
  return new McpistError(
    "ERR_CONFIG",
    `${where}: ${first?.path === "" ? "the default export" : (first?.path ?? "")}: ${first?.message ?? "wrong"}${rest}`,
    {
      hint: HINTS.correctConfig(where),
    },
  );
}

function sandboxUrls(context: Context): SandboxUrls | null {
  const text = context.env[SANDBOX_VARIABLE];
  if (text === undefined || text === "") return null;
  const urls = parseSandboxUrls(text);
  if (urls) return urls;
  throw new McpistError("ERR_CONFIG", `${SANDBOX_VARIABLE} does not hold what mcpist sandbox --print-env printed`, {
    hint: HINTS.joinSandbox(),
  });
}

/** From here on a hint's commands name what was found. */
function found(context: Context, name: string, environment: Environment, file: string): NamedEnvironment {
  context.place.env = name;
  context.place.config = file === CONFIG_FILE ? null : file;
  context.place.worker = environment.cloudflare.worker;
  return { name, environment };
}

/**
 * The environment named by --env or MCPIST_ENV.
 * @throws {McpistError} ERR_USAGE without a name, ERR_CONFIG for an unknown one, or when sandbox and real accounts would mix.
 */
export async function loadEnvironment(
  context: Context,
  name: string | undefined,
  file: string,
): Promise<NamedEnvironment> {
  const wanted = name ?? context.env["MCPIST_ENV"];
  const urls = sandboxUrls(context);
  if (wanted === undefined || wanted === "") {
    throw new McpistError("ERR_USAGE", "which environment? --env NAME or MCPIST_ENV is needed", {
      hint: HINTS.whichEnvironment(urls ? joinedName(urls) : "production"),
    });
  }
  if (urls && wanted === joinedName(urls)) {
    const { name: joinedTo, environment } = joined(context, urls);
    context.place.joined = urls;
    return found(context, joinedTo, environment, file);
  }
  if (wanted === SANDBOX_ENVIRONMENT && !urls) {
    throw new McpistError("ERR_CONFIG", "this terminal is not joined to a sandbox", {
      hint: HINTS.joinSandbox(),
    });
  }
  if (urls) {
    // The vendors' base URLs and tokens in this terminal are the sandbox's; mixing them with a real environment helps nobody.
    throw new McpistError(
      "ERR_CONFIG",
      `this terminal is joined to a sandbox, so it cannot work on environment "${wanted}"`,
      {
        hint: HINTS.leaveSandbox(joinedName(urls)),
      },
    );
  }
  const { environment } = pickEnvironment(await loadConfigFile(context, file), wanted, file);
  return found(context, wanted, environment, file);
}

/** One environment of a configuration file. @throws {McpistError} ERR_CONFIG when it has none of that name. */
export function pickEnvironment(
  environments: Readonly<Record<string, Environment>>,
  wanted: string,
  file: string,
): NamedEnvironment {
  const environment = Object.hasOwn(environments, wanted) ? environments[wanted] : undefined;
  if (environment) return { name: wanted, environment };
  const known = Object.keys(environments).join(", ");
  throw new McpistError(
    "ERR_CONFIG",
    `${file} has no such environment${typedName(wanted)}; it has: ${known || "none"}`,
    {
      hint: HINTS.whichEnvironment(Object.keys(environments)[0] ?? "NAME"),
    },
  );
}

/** @throws {McpistError} when only a part of the sandbox's variables is here: the rest would lead to real accounts. */
function joined(context: Context, urls: SandboxUrls): NamedEnvironment {
  const stray = strayVariable(urls, context.env);
  if (stray !== null)
    throw new McpistError("ERR_CONFIG", `this terminal is joined to a rehearsal, but ${stray} is not the sandbox's`, {
      hint: HINTS.joinSandbox(),
    });
  const environment = joinedEnvironment(urls);
  if (environment.ok) return environment.value;
  throw wrong(environment.error, SANDBOX_VARIABLE);
}
