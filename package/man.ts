/** The manual page, made from the commands' own help. Pure over the command tree, but for the version. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Context } from "../cli/context.ts";
import { commandTree } from "../cli/program.ts";
import { toolVersion } from "../cli/version.ts";

/** Options that every command takes are told once. */
const COMMON = new Set(["--env", "--config", "--json", "--yes", "--debug"]);

const escaped = (text: string): string =>
  text
    .replaceAll("\\", String.raw`\e`)
    .replaceAll("-", String.raw`\-`)
    .replaceAll(/^([.'])/gm, String.raw`\&$1`);
/** As it stands, line by line, in what a terminal of 80 columns has. */
const verbatim = (text: string): string => `.PP\n.nf\n.in 2n\n${escaped(text)}\n.in\n.fi`;
const paragraph = (text: string): string => `.PP\n${escaped(text)}`;

/** Commands that do something, each with the words before it. */
const leaves = (command: CommandUnknownOpts, path: string): readonly (readonly [string, CommandUnknownOpts])[] =>
  command.commands.length === 0
    ? [[path, command]]
    : command.commands.filter((one) => one.name() !== "help").flatMap((one) => leaves(one, `${path} ${one.name()}`));

const optionText = (option: CommandUnknownOpts["options"][number]): string => {
  const choices = option.argChoices ? ` (${option.argChoices.join(", ")})` : "";
  const { defaultValue } = option as { readonly defaultValue?: unknown };
  const standard =
    typeof defaultValue === "string" || typeof defaultValue === "number" ? ` Default: ${defaultValue}.` : "";
  return `.TP\n.B ${escaped(option.flags)}\n${escaped(`${option.description}${choices}.${standard}`)}`;
};

/** What a command says after its options: sentences, then examples. */
function afterOptions(text: string): string {
  const [details = "", examples] = text.split(/^Examples?:$/m);
  return [
    // What is set in columns stays so.
    ...(details.trim() === ""
      ? []
      : [/\S {2,}\S/.test(details) ? verbatim(details.trim()) : paragraph(details.trim())]),
    ...(examples === undefined ? [] : [".PP\nExamples:", verbatim(examples.replaceAll(/^ {2}/gm, "").trim())]),
  ].join("\n");
}

/** The page in roff's man macros. */
export function manPage(): string {
  let said = "";
  const writer = { write: (text: string) => Boolean((said += text)) };
  // Help asks for no more of a context than where to write.
  const context = { stdout: writer, stderr: writer, env: {} } as unknown as Context;
  const root = commandTree(context);
  const after = (command: CommandUnknownOpts): string => {
    said = "";
    command.outputHelp();
    return said.slice(command.helpInformation().length).trim();
  };
  const [examples = "", exitCodes = ""] = after(root).split(/^Exit codes:$/m);
  const common = leaves(root, "mcpist")[0]?.[1].options.filter(({ long }) => COMMON.has(long ?? "")) ?? [];
  return [
    `.TH MCPIST 1 "" "mcpist ${toolVersion()}" "User Commands"`,
    ".SH NAME",
    escaped("mcpist - provisions an MCP service behind a Cloudflare Worker and rotates its gateway secret"),
    ".SH SYNOPSIS",
    String.raw`.B mcpist`,
    String.raw`\fICOMMAND\fR [\fIOPTION\fR]...`,
    ".SH DESCRIPTION",
    escaped(root.description()),
    afterOptions(examples),
    ".SH OPTIONS",
    "Every command takes these.",
    ...common.map(optionText),
    ".SH COMMANDS",
    ...leaves(root, "mcpist").flatMap(([path, command]) => [
      `.SS ${escaped(`${path} ${command.usage().replace(/^\[options\] ?/, "")}`.trim())}`,
      escaped(command.description()),
      ...command.options.filter(({ long }) => !COMMON.has(long ?? "")).map(optionText),
      ...(after(command) === "" ? [] : [afterOptions(after(command))]),
    ]),
    '.SH "EXIT STATUS"',
    verbatim(exitCodes.replaceAll(/^ {2}/gm, "").trim()),
    ".SH FILES",
    ".TP\n.B mcpist.config.ts\nThe installation: names, accounts, limits, never a value. Looked for in parent folders too.",
    '.SH "SEE ALSO"',
    paragraph("docs/install.md, docs/deploy.md and docs/errors.md of the package."),
    "",
  ].join("\n");
}
