/**
 * How a command defines itself: one call that says its name, its help, its options and its code. Flags are typed by the options they come
 * from. Definitions are read at every start, so a command loads what it works with only when it runs.
 */
import { Command, type CommandUnknownOpts, type OptionValues } from "@commander-js/extra-typings";
import type { Context } from "./context.ts";
import { McpistError, type ExitCode } from "./errors.ts";
import { HINTS } from "./hints/hints.ts";

/** What a parsed command line is run with. */
export interface Shell {
  readonly context: Context;
  /** Takes the exit code of the command that ran. */
  readonly end: (code: ExitCode) => void;
}

/** Puts one command below `parent`. */
export type Definition = (parent: CommandUnknownOpts, shell: Shell) => void;

/** A command with what every command takes (flags.ts has the same as a type). */
const withCommonOptions = (name: string) =>
  new Command(name)
    .option("--env <name>", "environment of mcpist.config.ts (default: MCPIST_ENV)")
    .option("--config <file>", "configuration file", "mcpist.config.ts")
    .option("--json", "one JSON object on stdout", false)
    .option("--yes", "do not ask", false)
    .option("--debug", "show causes of errors", false);

type Common = ReturnType<typeof withCommonOptions>;

/** What a command says about itself. */
export interface About {
  /** One sentence. */
  readonly summary: string;
  /** More sentences, shown after the options. */
  readonly details?: string;
  /** Command lines as they are typed. */
  readonly examples: readonly [string, ...string[]];
}

/** Options of a command that has none of its own. */
export const noOptions = (command: Common): Common => command;

/**
 * Defines a command.
 * @param options adds arguments and options of its own
 * @param run works with what was typed; flags and arguments have the types of `options`
 */
export function defineCommand<Args extends unknown[], Flags extends OptionValues>(
  name: string,
  { summary, details, examples }: About,
  options: (command: Common) => Command<Args, Flags>,
  run: (context: Context, flags: Flags, ...args: Args) => Promise<ExitCode>,
): Definition {
  return (parent, { context, end }) => {
    const command = options(withCommonOptions(name));
    command
      .description(summary)
      .addHelpText("after", `${details === undefined ? "" : `\n${details}\n`}${examplesText(examples)}`)
      .copyInheritedSettings(parent)
      .action(async () => end(await run(context, command.opts(), ...command.processedArgs)));
    parent.addCommand(command);
  };
}

/** The examples as help shows them. */
export const examplesText = (examples: readonly string[]): string =>
  `\n${examples.length === 1 ? "Example" : "Examples"}:\n${examples.map((line) => `  ${line}`).join("\n")}`;

/** Reads a whole number. @throws {McpistError} ERR_USAGE naming the flag and the range, never what was typed. */
export const wholeNumber =
  (flag: string, least: number, most = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
    throw new McpistError("ERR_USAGE", `${flag} takes a whole number ${range}`, { hint: HINTS.flag(flag, least) });
  };
