/** Finds the environment that a command works on: mcpist.config.ts, or the sandbox that this terminal is joined to. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseConfig, type Environment } from "../contract/config.ts";
import {
  parseSandboxUrls,
  SANDBOX_ENVIRONMENT,
  SANDBOX_VARIABLE,
  sandboxEnvironment,
  type SandboxUrls,
} from "../contract/sandbox.ts";
import type { Context } from "./context.ts";
import { McpistError } from "./errors.ts";
import { HINTS } from "./hints/hints.ts";

/** Default file, relative to the working directory. */
export const CONFIG_FILE = "mcpist.config.ts";

/** An environment with its name. */
export interface NamedEnvironment {
  readonly name: string;
  readonly environment: Environment;
}

/** The default export of a configuration file, checked. @throws {McpistError} ERR_CONFIG naming the field, never its content. */
export async function loadConfigFile(context: Context, file: string): Promise<Readonly<Record<string, Environment>>> {
  const path = resolve(context.cwd, file);
  if (!existsSync(path)) {
    throw new McpistError("ERR_CONFIG", `there is no ${file} in this folder`, {
      hint: HINTS.writeConfig(),
    });
  }
  let module: { default?: unknown };
  try {
    module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  } catch (cause) {
    throw new McpistError("ERR_CONFIG", `${file} cannot be loaded: ${cause instanceof Error ? cause.name : "error"}`, {
      hint: HINTS.brokenConfig(file),
      cause,
    });
  }
  return checked(module.default, file);
}

function checked(input: unknown, where: string): Readonly<Record<string, Environment>> {
  const parsed = parseConfig(input);
  if (parsed.ok) return parsed.value.environments;
  const [first, ...more] = parsed.error;
  const rest = more.length > 0 ? ` (and ${more.length} more)` : "";
  throw new McpistError(
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
      hint: HINTS.whichEnvironment(urls ? SANDBOX_ENVIRONMENT : "production"),
    });
  }
  if (wanted === SANDBOX_ENVIRONMENT) {
    if (!urls) {
      throw new McpistError("ERR_CONFIG", "this terminal is not joined to a sandbox", {
        hint: HINTS.joinSandbox(),
      });
    }
    const environment = checked(
      { environments: { [SANDBOX_ENVIRONMENT]: sandboxEnvironment(urls) } },
      SANDBOX_VARIABLE,
    )[SANDBOX_ENVIRONMENT];
    if (environment) return found(context, wanted, environment, file);
  }
  if (urls) {
    // The vendors' base URLs and tokens in this terminal are the sandbox's; mixing them with a real environment helps nobody.
    throw new McpistError(
      "ERR_CONFIG",
      `this terminal is joined to a sandbox, so it cannot work on environment "${wanted}"`,
      {
        hint: HINTS.leaveSandbox(SANDBOX_ENVIRONMENT),
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
  throw new McpistError("ERR_CONFIG", `${file} has no environment of that name; it has: ${known || "none"}`, {
    hint: HINTS.whichEnvironment(Object.keys(environments)[0] ?? "NAME"),
  });
}
