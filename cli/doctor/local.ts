/** Checks of this machine: Node, wrangler, and the engine that applies the stacks. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import type { Context } from "../context.ts";
import { McpistError } from "../errors.ts";
import { proxyUse } from "../proxy.ts";
import { wranglerPath } from "../targets/wrangler.ts";
import { checksOf, type Check } from "./check.ts";
import { HINTS } from "../hints/hints.ts";

/** The oldest Node that runs mcpist.config.ts without a flag; equal to `engines` of package.json. */
const NODE = [22, 18] as const;
/** The oldest engine whose S3 backend locks by conditional write. */
const ENGINE = [1, 10] as const;
const TIMEOUT_MS = 20_000;

const isAtLeast = (version: string, [major, minor]: readonly [number, number]): boolean => {
  const [a = 0, b = 0] = version.split(".").map(Number);
  return a > major || (a === major && b >= minor);
};

/** @param version of the running Node, e.g. "24.21.0". */
export function checkNode(version: string): Check {
  const node = checksOf("node");
  if (isAtLeast(version, NODE)) return node.ok("version", version);
  return node.missing("version", `${version} is too old`, HINTS.install(`Node ${NODE.join(".")} or newer`));
}

async function checkWrangler(): Promise<Check> {
  const wrangler = checksOf("wrangler");
  try {
    const manifest = join(dirname(await wranglerPath()), "..", "package.json");
    const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version: string };
    return wrangler.ok("version", version);
  } catch (error) {
    const { message, advice } = error as McpistError;
    return wrangler.missing("version", message, advice ?? HINTS.installWrangler("npm install --save-dev wrangler@4"));
  }
}

/** Version of an engine; null when the program does not run. */
async function engineVersion(context: Context, program: string): Promise<string | null> {
  const { exitCode, stdout } = await execa(program, ["version", "-json"], {
    reject: false,
    verbose: "none",
    extendEnv: false,
    stdin: "ignore",
    timeout: TIMEOUT_MS,
    env: { PATH: context.env["PATH"] ?? "", HOME: context.env["HOME"] ?? "", CHECKPOINT_DISABLE: "1" },
  });
  if (exitCode !== 0) return null;
  try {
    const { terraform_version: version } = JSON.parse(stdout) as { terraform_version?: unknown };
    return typeof version === "string" ? version : null;
  } catch {
    return null;
  }
}

/** `TERRAFORM_BINARY_NAME`, else terraform, which is what the CLI starts; tofu alone needs the variable. */
export async function checkEngine(context: Context): Promise<Check> {
  const engine = checksOf("engine");
  const chosen = context.env["TERRAFORM_BINARY_NAME"];
  const program = chosen === undefined || chosen === "" ? "terraform" : chosen;
  const version = await engineVersion(context, program);
  const what = "terraform or tofu";
  if (version !== null) {
    if (isAtLeast(version, ENGINE)) return engine.ok(what, `${program} ${version}`);
    return engine.missing(
      what,
      `${program} ${version} is too old`,
      HINTS.install(`${ENGINE.join(".")} or newer; only a deploy needs it`),
    );
  }
  const other = chosen ? null : await engineVersion(context, "tofu");
  if (other !== null)
    return engine.missing(
      what,
      `tofu ${other} is there, but not chosen`,
      HINTS.exportLine("TERRAFORM_BINARY_NAME=tofu"),
    );
  return engine.missing(
    what,
    `${program} does not run`,
    HINTS.install("terraform or tofu 1.10 or newer; only a deploy needs it"),
  );
}

/** Nothing where no proxy is named. @param native this Node can be told by the tool; see proxy.ts. */
function checkProxy(context: Context, native?: boolean): readonly Check[] {
  const proxy = checksOf("proxy");
  const { variables, host, used } = proxyUse(context.env, native);
  if (variables.length === 0) return [];
  const names = variables.join(", ");
  if (used) return [proxy.ok("way out", `${names}${host === null ? "" : ` (${host})`}`)];
  return [
    proxy.missing(
      "way out",
      `${names} is set, but this Node does not use it`,
      HINTS.exportLine("NODE_USE_ENV_PROXY=1"),
    ),
  ];
}

/** @param node version of the running Node. */
export const checkLocal = async (context: Context, node: string): Promise<readonly Check[]> => [
  checkNode(node),
  ...checkProxy(context),
  ...(await Promise.all([checkWrangler(), checkEngine(context)])),
];
