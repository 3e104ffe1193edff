/**
 * docs/errors.md, made from the registry of hints (cli/hints/) and the error codes (cli/errors.ts).
 *
 *   node test/error-page.ts     writes it again
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { CODES, type ErrorCode } from "../cli/errors.ts";
import { type Advice, type Entry, NOWHERE, textOf } from "../cli/hints/hint.ts";
import { DATABASE } from "../cli/hints/database.ts";
import { DOCTOR } from "../cli/hints/doctor.ts";
import { LOCK } from "../cli/hints/lock.ts";
import { ORIGINS } from "../cli/hints/origins.ts";
import { PLATFORMS } from "../cli/hints/platforms.ts";
import { PROJECT } from "../cli/hints/project.ts";
import { ROTATION } from "../cli/hints/rotation.ts";
import { START } from "../cli/hints/start.ts";
import { VALUES } from "../cli/hints/values.ts";

/** Where it stands. */
export const ERROR_PAGE = "docs/errors.md";

const MEANINGS: Readonly<Record<ErrorCode, string>> = {
  ERR_USAGE: "The command line cannot be read, or its options do not go together.",
  ERR_CONFIG: "The configuration is missing, cannot be loaded, or has a setting that is refused.",
  ERR_TOKEN_MISSING: "A platform's token is not set.",
  ERR_TOKEN_SHAPE: "A token has characters that no token has.",
  ERR_PEER_MISSING: "A package that only some commands need is not installed.",
  ERR_SECRET_SHAPE: "A value cannot be this secret.",
  ERR_UNAUTHORISED: "A platform refuses the token.",
  ERR_NOT_FOUND: "A platform does not have what the configuration names, or this token may not see it.",
  ERR_UNREACHABLE: "A platform, the gateway or an origin does not answer.",
  ERR_RATE_LIMITED: "A platform takes no more calls for now.",
  ERR_VENDOR: "A platform answered with something that makes no sense, or something happened that nobody foresaw.",
  ERR_TIMEOUT: "Something takes longer than it may.",
  ERR_MACHINE: "This machine is at fault: its disk, its memory, its descriptors.",
  ERR_PORT_IN_USE: "A port is taken.",
  ERR_DEMO: "The demo did not show what it has to show.",
  ERR_CHILD: "A program that the command started failed.",
  ERR_LOCKED: "Another run holds the lock.",
  ERR_LOCK_LOST: "The run has lost the lock and stopped itself.",
  ERR_PHASE: "The rotation is in a phase in which this cannot be done.",
  ERR_DRIFT: "The parties disagree, or an account is not as the configuration says.",
  ERR_MISMATCH: "What was read is not what was expected.",
  ERR_REFUSED: "The command refuses, because it would do harm.",
  ERR_PARTIAL: "A part is done. Running the same command again is safe.",
  ERR_NOT_DEAD: "An old secret is not shown dead yet.",
  ERR_INTERRUPTED: "The run was interrupted. Running the same command again is safe.",
};

const SECTIONS: readonly (readonly [title: string, entries: Readonly<Record<string, Entry>>])[] = [
  ["Command line, file and machine", START],
  ["Platforms", PLATFORMS],
  ["Rotation", ROTATION],
  ["Lock and journal", LOCK],
  ["Values", VALUES],
  ["Origins", ORIGINS],
  ["Database", DATABASE],
  ["Your project", PROJECT],
  ["Doctor", DOCTOR],
];

/** Stands for what is particular, in capitals; text that a caller adds is left out. */
const placeholder = (name: string): string =>
  /^(advice|otherwise)$/.test(name) ? "" : name.replaceAll(/[A-Z]/g, " $&").toUpperCase();

/** What is printed, with placeholders. An argument may be a list. */
function template({ advise }: Entry): string {
  const [, list = ""] = /^\(([^)]*)\)/.exec(String(advise)) ?? [];
  const names = list.split(",").flatMap((part) => /\w+/.exec(part)?.[0] ?? []);
  const call = advise as (...args: readonly unknown[]) => Advice;
  const words = names.map(placeholder);
  let advice: Advice;
  try {
    advice = call(...words);
  } catch {
    advice = call(...words.map((word) => [word]));
  }
  return textOf(advice, NOWHERE).trim();
}

const entryText = ([id, entry]: readonly [string, Entry]): string => {
  const printed = template(entry);
  return [
    `### ${id}`,
    "",
    `When: ${entry.cause}. Up to: ${entry.party}.`,
    "",
    printed === "" ? "Do: what the message says." : `Do: \`${printed}\``,
    ...[...printed.matchAll(/docs\/([\w/-]+\.md)/g)].flatMap(([path, link]) => ["", `Read: [${path}](${link})`]),
  ].join("\n");
};

/** The page. */
export const errorPageText = (): string =>
  [
    "# Errors and what to do",
    "",
    "Made by `node test/error-page.ts` from the registry of the command line. An error ends with the place on this page that explains it, and with",
    "`--json` it is in `error.page`. Words in capitals stand for what is particular. Commands get your `--env` and `--config` when they are printed.",
    "",
    "## Codes",
    "",
    "The code stands in brackets behind the message. An exit code of 5 is possible for every code once something was written. A token that is not",
    "set is exit code 2 at every command, `doctor` and `whoami` too; one that a platform refuses is 4.",
    "",
    "| code | exit | meaning |",
    "|---|---|---|",
    '| <a id="err_node"></a>`ERR_NODE` | 2 | This Node is too old: nothing was loaded. In a checkout `npm ci` brings the right one, in a project `npm install`. |',
    ...Object.entries(CODES).map(
      ([code, exit]) => `| <a id="${code.toLowerCase()}"></a>\`${code}\` | ${exit} | ${MEANINGS[code as ErrorCode]} |`,
    ),
    ...SECTIONS.flatMap(([title, entries]) => [
      "",
      `## ${title}`,
      "",
      Object.entries(entries).map(entryText).join("\n\n"),
    ]),
    "",
  ].join("\n");

if (import.meta.main) {
  const file = fileURLToPath(new URL(`../${ERROR_PAGE}`, import.meta.url));
  const before = await readFile(file, "utf8").catch(() => "");
  const after = errorPageText();
  await writeFile(file, after);
  process.stdout.write(`${ERROR_PAGE}: ${before === after ? "as it was" : "written"}\n`);
}
