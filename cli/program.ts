/**
 * Puts the commands together, runs one, and turns every error into a message and an exit code. The only catch-all.
 * Repeats of what was typed only a name: a secret that was pasted by mistake must not come back on the screen.
 */
import { Command, CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { examplesText, type Definition, type Shell } from "./command.ts";
import { accessGrant } from "./commands/access-grant.ts";
import { accessList } from "./commands/access-list.ts";
import { accessPlan } from "./commands/access-plan.ts";
import { accessResume } from "./commands/access-resume.ts";
import { accessRevoke } from "./commands/access-revoke.ts";
import { accessSuspend } from "./commands/access-suspend.ts";
import { completion } from "./commands/completion.ts";
import { dbMigrate } from "./commands/db-migrate.ts";
import { dbStatus } from "./commands/db-status.ts";
import { demo } from "./commands/demo.ts";
import { deploy } from "./commands/deploy.ts";
import { doctor } from "./commands/doctor.ts";
import { drift } from "./commands/drift.ts";
import { init } from "./commands/init.ts";
import { jwksPurge } from "./commands/jwks-purge.ts";
import { originCheck } from "./commands/origin-check.ts";
import { originBuild } from "./commands/origin-build.ts";
import { originsJoin } from "./commands/origins-join.ts";
import { originsQuarantine } from "./commands/origins-quarantine.ts";
import { rehearse } from "./commands/rehearse.ts";
import { sandbox } from "./commands/sandbox.ts";
import { secretsHistory } from "./commands/secrets-history.ts";
import { secretsList } from "./commands/secrets-list.ts";
import { secretsPut } from "./commands/secrets-put.ts";
import { secretsRestore } from "./commands/secrets-restore.ts";
import { secretsRollback } from "./commands/secrets-rollback.ts";
import { secretsRotate } from "./commands/secrets-rotate.ts";
import { secretsStatus } from "./commands/secrets-status.ts";
import { secretsVerify } from "./commands/secrets-verify.ts";
import { toolsApprove } from "./commands/tools-approve.ts";
import { toolsList } from "./commands/tools-list.ts";
import { toolsShow } from "./commands/tools-show.ts";
import { whoami } from "./commands/whoami.ts";
import type { Context } from "./context.ts";
import { EXIT, McpistError, toMcpistError, type ExitCode } from "./errors.ts";
import { HINTS } from "./hints/hints.ts";
import { coloured, errorField, printError, printJson } from "./output.ts";
import { typedName } from "./redact.ts";
import { useProxy } from "./proxy.ts";
import { toolVersion } from "./version.ts";

/** The commands, in the order in which help lists them. */
const COMMANDS: readonly Definition[] = [
  demo,
  sandbox,
  rehearse,
  group("secrets", "The gateway secret and the other secrets of an installation.", [
    secretsRotate,
    secretsStatus,
    secretsVerify,
    secretsHistory,
    secretsRollback,
    secretsRestore,
    secretsList,
    secretsPut,
  ]),
  group("origins", "Which origins the gateway routes to.", [originsQuarantine, originsJoin]),
  init,
  doctor,
  whoami,
  deploy,
  drift,
  group("origin", "An origin by itself: its image, and its contract.", [originBuild, originCheck]),
  group("tools", "Tools of mcpist and of one's own servers: what is listed, approved and changed.", [
    toolsList,
    toolsShow,
    toolsApprove,
  ]),
  group("access", "Users, and what they may call.", [
    accessList,
    accessGrant,
    accessRevoke,
    accessPlan,
    accessSuspend,
    accessResume,
  ]),
  group("db", "The schema of the project's database, at the address in DATABASE_URL.", [dbStatus, dbMigrate]),
  group("jwks", "The gateway's copy of the sign-in keys.", [jwksPurge]),
  completion,
];

const EXAMPLES = [
  "mcpist demo                             local cloud, traffic and one rotation",
  "mcpist sandbox                          keep a local cloud to rehearse in",
  "mcpist secrets rotate --env production  a new secret; the old one proven dead",
  "mcpist secrets status --env production  who sends and who accepts what",
];

const EXIT_CODES = `
Exit codes:
  0 done   1 failed   2 usage or configuration   3 the check says no
  4 not authorised   5 partly applied, running it again is safe
  130 interrupted`;

/** Runs one command line. @returns the exit code; prints every error itself. */
export async function run(argv: readonly string[], context: Context): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  const end = (code: ExitCode) => {
    exitCode = code;
  };
  try {
    useProxy(context.env);
    await tree({ context, end }).parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    // Help and version end here with 0.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    if (error instanceof CommanderError && error.code === "commander.help") return EXIT.usage;
    return fail(context, error instanceof CommanderError ? usageError(error) : toMcpistError(context, error), argv);
  }
}

function fail(context: Context, error: McpistError, argv: readonly string[]): ExitCode {
  const json = argv.includes("--json");
  printError(context, error, argv.includes("--debug"), json);
  if (json)
    printJson(context, {
      ok: false,
      exitCode: error.exitCode,
      ...errorField(context, error),
    });
  return error.exitCode;
}

/**
 * Commander's messages repeat what was typed. What is taken from them are names of ours: the option, the choices and the suggestion.
 * The last two stand at the end, behind the quoted text, and hold letters only, so no typed text can pass for them.
 */
function usageError({ code, message }: CommanderError): McpistError {
  const option = /^error: (?:required )?option '(?:-\w, )?(--[a-z-]+)/.exec(message)?.[1] ?? "an option";
  const choices = / Allowed choices are ([a-z, -]+)\.$/.exec(message)?.[1];
  const similar = /\n\(Did you mean (?:one of )?([a-z, -]+)\?\)$/.exec(message)?.[1];
  const [, typed = ""] = /^error: unknown (?:command|option) '([^'\n]*)'/.exec(message) ?? [];
  const texts: Readonly<Record<string, string>> = {
    "commander.unknownCommand": `there is no such command${typedName(typed)}`,
    "commander.unknownOption": `there is no such option${typedName(typed)}`,
    "commander.excessArguments": "there are more arguments than this command takes",
    "commander.missingArgument": "an argument is missing",
    "commander.optionMissingArgument": `option ${option} needs a value`,
    "commander.missingMandatoryOptionValue": `option ${option} is required`,
    "commander.invalidArgument": `${option} takes ${choices === undefined ? "another value" : `one of: ${choices}`}`,
    "commander.conflictingOption": "two options exclude each other",
  };
  return new McpistError("ERR_USAGE", texts[code] ?? "the command line cannot be read", {
    hint: similar === undefined ? HINTS.help() : HINTS.didYouMean(similar),
  });
}

/** A command that only holds others. */
function group(name: string, summary: string, definitions: readonly Definition[]): Definition {
  return (parent, shell) => {
    const command = parent.command(name).description(summary);
    for (const define of definitions) define(command, shell);
  };
}

/** `help secrets rotate` is `secrets rotate --help`; commander's own looks at the first word only. */
function helpFor(root: CommandUnknownOpts, words: readonly string[]): never {
  let command = root;
  for (const word of words) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (!next) throw new McpistError("ERR_USAGE", `there is no such command${typedName(word)}`, { hint: HINTS.help() });
    command = next;
  }
  return command.help();
}

/** The commands, for whoever wants to know which there are. */
export const commandTree = (context: Context): CommandUnknownOpts => tree({ context, end: () => undefined });

function tree(shell: Shell): CommandUnknownOpts {
  const { stdout, stderr, env } = shell.context;
  const root: CommandUnknownOpts = new Command("mcpist")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      outputError: () => undefined,
      getOutHasColors: () => coloured({ env }, stdout),
      getErrHasColors: () => coloured({ env }, stderr),
    })
    .description(
      "Provisions an MCP service behind a Cloudflare Worker and rotates its gateway secret without one failed request.",
    )
    .version(toolVersion())
    .addHelpText("after", `${examplesText(EXAMPLES)}\n${EXIT_CODES}`);
  for (const define of COMMANDS) define(root, shell);
  root.helpCommand(false);
  const help = root.command("help").argument("[command...]").description("display help for a command");
  help.helpOption(false).action((words) => helpFor(root, words));
  return root;
}
