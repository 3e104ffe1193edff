/** Tokens of the four platforms: from the environment, else from the vendor's own logged-in client. Never from a flag. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { TargetKind } from "../contract/secret-names.ts";
import type { Context } from "./context.ts";
import { McpistError } from "./errors.ts";
import { HINTS } from "./hints/hints.ts";

interface Source {
  readonly variables: readonly string[];
  readonly login: string;
  /** Asks the vendor's own client; null when it has no login. */
  readonly ask: (context: Context) => Promise<string | null>;
}

async function output(context: Context, command: string, args: readonly string[]): Promise<string | null> {
  const { exitCode, stdout } = await execa(command, args, {
    reject: false,
    verbose: "none",
    extendEnv: false,
    timeout: 15_000,
    stdin: "ignore",
    env: {
      PATH: context.env["PATH"] ?? "",
      HOME: context.env["HOME"] ?? homedir(),
      CI: "1",
      FLY_NO_UPDATE_CHECK: "1",
      GH_PROMPT_DISABLED: "1",
      // Wrangler prints its banner on stdout, before the token.
      WRANGLER_HIDE_BANNER: "true",
      WRANGLER_SEND_METRICS: "false",
    },
  });
  const text = exitCode === 0 && typeof stdout === "string" ? stdout.trim() : "";
  // Fly names its scheme in front; two words of anything else are a sentence.
  return /^(FlyV1 )?\S{8,}$/.test(text) ? text : null;
}

const SOURCES: Readonly<Record<TargetKind, Source>> = {
  github: {
    variables: ["GH_TOKEN", "GITHUB_TOKEN"],
    login: "gh auth login",
    ask: (context) => output(context, "gh", ["auth", "token"]),
  },
  cloudflare: {
    variables: ["CLOUDFLARE_API_TOKEN"],
    login: "wrangler login",
    ask: (context) => output(context, "wrangler", ["auth", "token"]),
  },
  koyeb: {
    variables: ["KOYEB_TOKEN"],
    login: "koyeb login",
    ask: async (context) => {
      const file = join(context.env["HOME"] ?? homedir(), ".koyeb.yaml");
      const text = await readFile(file, "utf8").catch(() => "");
      return /^token:\s*["']?([\w.-]{8,})["']?\s*$/m.exec(text)?.[1] ?? null;
    },
  },
  fly: {
    variables: ["FLY_API_TOKEN", "FLY_ACCESS_TOKEN"],
    login: "fly auth login",
    ask: (context) => output(context, "fly", ["auth", "token"]),
  },
};

/** Fly names its scheme in front, with a blank. */
const SCHEME = /^FlyV1 /;

/**
 * Curly quotes, invisible characters and pasted terminal codes cannot even be sent, which would look like a fault of the network.
 * @throws {McpistError} ERR_TOKEN_SHAPE naming the variable, the place and the kind of the character, never the token.
 */
function checkCharacters(variable: string, token: string): void {
  const place = token.replace(SCHEME, "FlyV1-").search(/[^\x21-\x7e]/u);
  if (token !== "" && place < 0) return;
  const point = token.codePointAt(place)?.toString(16).toUpperCase().padStart(4, "0");
  throw new McpistError(
    "ERR_TOKEN_SHAPE",
    token === ""
      ? `${variable} holds nothing but white space`
      : `${variable} holds a character that no token has (U+${point} at place ${place + 1})`,
    { hint: HINTS.copyToken(variable) },
  );
}

/** Token of one platform, registered with the redactor. @throws {McpistError} ERR_TOKEN_MISSING, ERR_TOKEN_SHAPE. */
export async function tokenOf(context: Context, kind: TargetKind): Promise<string> {
  const { variables, login, ask } = SOURCES[kind];
  const variable = variables.find((name) => context.env[name]);
  const given = variable === undefined ? undefined : context.env[variable]?.trim();
  if (variable !== undefined && given !== undefined) {
    context.redactor.register(given);
    checkCharacters(variable, given);
  }
  const token = given ?? (await ask(context).catch(() => null));
  if (token === null) {
    throw new McpistError(
      "ERR_TOKEN_MISSING",
      `no token for ${kind}: ${variables[0] ?? ""} is not set and no login was found`,
      {
        hint: HINTS.login(variables[0] ?? "", login),
      },
    );
  }
  context.redactor.register(token);
  return token;
}
