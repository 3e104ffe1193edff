/** `mcpist sandbox`: keeps a local cloud running to rehearse in, or runs one command inside it. */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { constants as system } from "node:os";
import { delimiter, join, resolve, sep } from "node:path";
import { execa } from "execa";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import { mcpist, NOWHERE, quoted } from "../hints/hint.ts";
import { HINTS } from "../hints/hints.ts";
import { Progress, styles } from "../output.ts";
import { besideCli, OWN_PATH } from "../self.ts";
import type { CommonFlags } from "../session.ts";
import { deployService, rehearsedBy, startLocalCloud, type LocalCloud } from "./local-cloud.ts";
import { findSandbox, refuseTaken, register, SANDBOX_NAME, USUAL_NAME } from "./running.ts";
import { typedName } from "../redact.ts";

/** Flags of the command. */
export interface SandboxFlags extends CommonFlags {
  readonly command: readonly string[];
  readonly printEnv: boolean;
  readonly scenario?: string | undefined;
  readonly portBase?: number | undefined;
  readonly empty: boolean;
  readonly ui: boolean;
  readonly name?: string | undefined;
  readonly ownDrain: boolean;
}

/** One shell line per variable. */
const exportLines = (env: Readonly<Record<string, string>>): string =>
  Object.entries(env)
    .map(([name, value]) => `export ${name}=${quoted(value)}`)
    .join("\n");

async function printEnv(context: Context, flags: SandboxFlags): Promise<ExitCode> {
  const found = await findSandbox(flags.name);
  if (flags.json)
    printOwn(context, { command: "sandbox", ok: true, exitCode: EXIT.done, name: found.name, env: found.env });
  else context.stdout.write(`${exportLines(found.env)}\n`);
  return EXIT.done;
}

/** The tokens in it are the sandbox's own and end with it; whoever reads this is meant to use them, so nothing hides them. */
const printOwn = (context: Context, value: unknown): void =>
  void context.stdout.write(`${JSON.stringify(value, null, 2)}\n`);

/** The command. */
export async function runSandbox(context: Context, flags: SandboxFlags): Promise<ExitCode> {
  if (flags.name !== undefined && !SANDBOX_NAME.test(flags.name))
    throw new McpistError("ERR_USAGE", "--name takes lower-case letters, digits and dashes", {
      hint: HINTS.flag("--name", "demo"),
    });
  if (flags.printEnv) return printEnv(context, flags);
  // A command inside takes no name.
  if (flags.name !== undefined && flags.command.length === 0) await refuseTaken(flags.name);
  if (flags.scenario !== undefined) await checkScenario(flags.scenario);
  checkCommand(context, flags.command);
  const progress = new Progress(context, flags);
  const { portBase, ownDrain } = flags;
  const cloud = await startLocalCloud(context, flags, {
    rehearses: await rehearsedBy(context, flags),
    ownDrain,
    portBase,
  });
  try {
    if (!flags.empty) await deployService(cloud, progress);
    await progress.end();
    if (flags.scenario !== undefined) await applyScenario(cloud, flags.scenario);
    if (flags.command.length > 0) return await runInside(context, cloud, flags.command);
    return await keepRunning(context, cloud, flags);
  } finally {
    await progress.end();
    await cloud.sandbox.close();
  }
}

/** Before anything is started: a sandbox takes seconds, a wrong name need not. */
async function checkScenario(name: string): Promise<void> {
  // Absent where only the command line was installed; starting the sandbox says so.
  const scenarios = await import("../../sandbox/scenarios.ts").catch(() => null);
  if (scenarios === null || scenarios.SCENARIOS.some((scenario) => scenario.name === name)) return;
  throw new McpistError("ERR_USAGE", `there is no such scenario${typedName(name)}`, {
    hint: HINTS.oneOf(scenarios.SCENARIOS.map((scenario) => scenario.name)),
  });
}

/** The same object that the control endpoint steers, so that a second terminal can end what was begun here. */
async function applyScenario(cloud: LocalCloud, name: string): Promise<void> {
  try {
    await cloud.sandbox.scenarios.start(name);
  } catch (cause) {
    throw new McpistError(
      "ERR_VENDOR",
      `the scenario did not start: ${cause instanceof Error ? cause.message : "error"}`,
      {
        hint: HINTS.scenarioNeeds(),
        cause,
      },
    );
  }
}

/** Before anything is started. @throws {McpistError} ERR_USAGE where the command is not there, or is no program. */
export function checkCommand(context: Context, command: readonly string[]): void {
  const [program = ""] = command;
  if (program === "" || program === "mcpist") return;
  const places = program.includes(sep)
    ? [resolve(context.cwd, program)]
    : [OWN_PATH, ...(context.env["PATH"] ?? "").split(delimiter)].map((folder) => join(folder, program));
  // Windows has endings of its own, and finds them by itself.
  if (process.platform === "win32" || places.some(isProgram)) return;
  throw notThere(places.some((place) => existsSync(place)) ? "is there, but cannot be run" : "was not found");
}

const notThere = (how: string): McpistError =>
  new McpistError("ERR_USAGE", `the command after -- ${how}`, { hint: HINTS.sandboxExample() });

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Runs a command with the variables of a sandbox. @returns its exit code; of one that a signal ended, what a shell would say. */
export async function runInside(
  context: Context,
  cloud: LocalCloud,
  [command = "", ...args]: readonly string[],
): Promise<ExitCode> {
  // Here without a shell in between: nobody has to have one, and a signal reaches the program itself.
  const [program, ...words] =
    command === "mcpist" ? [process.execPath, besideCli("cli/main"), ...args] : [command, ...args];
  const { exitCode, failed, code, signal } = await execa(program, words, {
    stdio: "inherit",
    reject: false,
    verbose: "none",
    // And what the command starts finds this very program, in a checkout too.
    env: {
      ...cloud.sandbox.env,
      PATH: [OWN_PATH, context.env["PATH"] ?? ""].join(delimiter),
      MCPIST_NODE: process.execPath,
      // Ours is for this process's own runtimes (sandbox/vendors/cloudflare/runtime/orphans.ts).
      ...(context.env["MCPIST_WORKERD"] === undefined ? {} : { MINIFLARE_WORKERD_PATH: undefined }),
    },
    cancelSignal: context.signal,
    forceKillAfterDelay: 5000,
  });
  context.signal.throwIfAborted();
  if (signal !== undefined) {
    context.stderr.write(`the command after -- was ended by ${signal}\n`);
    return (128 + (system.signals[signal] ?? 0)) as ExitCode;
  }
  if (failed && exitCode === undefined)
    throw notThere(code === "ENOENT" ? "was not found" : `could not be started (${code ?? "error"})`);
  return (exitCode ?? EXIT.failed) as ExitCode;
}

async function keepRunning(context: Context, cloud: LocalCloud, flags: SandboxFlags): Promise<ExitCode> {
  const { env, urls } = cloud.sandbox;
  const { name, end } = await register(flags.name, env);
  const page = flags.ui ? (await import("../../sandbox/watch/live-page.ts")).livePageUrl(cloud.sandbox) : null;
  const style = styles(context, context.stdout);
  if (flags.json)
    printOwn(context, {
      command: "sandbox",
      ok: true,
      exitCode: EXIT.done,
      name,
      urls,
      env,
      ...(page === null ? {} : { page }),
    });
  else {
    // What joins the terminal names its environment, too.
    const typed = (words: string) => mcpist(words)({ ...NOWHERE, program: context.place.program });
    const row = (name: string, value: string) => `  ${name.padEnd(12)}${value}\n`;
    context.stdout.write(
      `${style("green", name === USUAL_NAME ? "The sandbox runs." : `The sandbox "${name}" runs.`)} Press Ctrl-C to end it.\n\n` +
        row("gateway", `${urls.gateway}/mcp`) +
        row("origins", Object.values(urls.origins).join("  ")) +
        row("GitHub", urls.github) +
        row("Cloudflare", urls.cloudflare) +
        row("Koyeb", urls.koyeb) +
        row("Fly.io", urls.fly) +
        row("sign-in", urls.issuer) +
        row("faults", urls.control) +
        (page === null ? "" : row("page", page)) +
        `\nIn another terminal:\n  eval "$(${typed(`sandbox --print-env${name === USUAL_NAME ? "" : ` --name ${name}`}`)})"\n  ${typed("secrets status")}\n  ${typed("secrets rotate")}\n`,
    );
  }
  try {
    await new Promise<void>((resolve) => {
      if (context.signal.aborted) resolve();
      else context.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  } finally {
    await end();
  }
  // Ending it with Ctrl-C is how it is meant to end.
  return EXIT.done;
}
