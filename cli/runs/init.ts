/**
 * `mcpist init`: makes a project, in an empty folder or in one that has something. Asks for what cannot be derived, checks the result with
 * the schema, says what it would add to a file that is there, and writes. No remote call.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseConfig, type EnvironmentInput } from "../../contract/config.ts";
import { SANDBOX_ENVIRONMENT } from "../../contract/sandbox.ts";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode, machineFault } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { CONFIG_FILE } from "../load-config.ts";
import { folded, LINE } from "../layout.ts";
import { printJson, styles } from "../output.ts";
import { companions, ownNode } from "../peers.ts";
import type { CommonFlags } from "../flags.ts";
import { toolVersion } from "../version.ts";
import {
  bootstrapCommands,
  checkAnswer,
  configOf,
  configText,
  environmentOf,
  projectCommands,
  QUESTIONS,
  type Answers,
  type Question,
} from "./init-config.ts";
import { NO_MODULES, type PlannedFile, planProject } from "./init-project.ts";

/** Flags of the command. */
export interface InitFlags extends CommonFlags, Partial<Record<keyof Answers, string | undefined>> {
  readonly force: boolean;
  /** Only the files beside the configuration. */
  readonly files: boolean;
}

type Given = Readonly<Partial<Record<keyof Answers, string>>>;

/** What need not be asked: the repository of this folder and the account of this terminal. */
async function derived(context: Context): Promise<Given> {
  const git = await readFile(resolve(context.cwd, ".git/config"), "utf8").catch(() => "");
  const repo = /^\s*url\s*=\s*\S*github\.com[:/]([\w-]+\/[\w.-]+?)(?:\.git)?\s*$/m.exec(git)?.[1];
  const account = context.env["CLOUDFLARE_ACCOUNT_ID"];
  return { ...(repo === undefined ? {} : { repo }), ...(account ? { account } : {}) };
}

/** A person at a terminal. */
interface Prompt {
  /** @throws {McpistError} ERR_USAGE when the input ends first. */
  ask(words: string): Promise<string>;
  close(): void;
}

function openPrompt(context: Context): Prompt {
  const prompt = createInterface({ input: context.stdin });
  const close = () => prompt.close();
  context.signal.addEventListener("abort", close, { once: true });
  // The iterator keeps lines that come before their question.
  const lines = prompt[Symbol.asyncIterator]();
  return {
    async ask(words) {
      context.stderr.write(words);
      const line = await lines.next();
      context.signal.throwIfAborted();
      if (line.done !== true) return line.value.trim();
      throw new McpistError("ERR_USAGE", "the input ended before the last question: nothing was written", {
        hint: HINTS.valueAgain(),
      });
    },
    close() {
      context.signal.removeEventListener("abort", close);
      prompt.close();
    },
  };
}

/** Asks each question until its answer fits. */
async function askAll(
  context: Context,
  prompt: Prompt,
  questions: readonly Question[],
  suggested: Given,
): Promise<Given> {
  const answers: Partial<Record<keyof Answers, string>> = {};
  for (const question of questions) {
    const fallback = suggested[question.key];
    for (;;) {
      const typed = await prompt.ask(`${question.ask}${fallback === undefined ? "" : ` [${fallback}]`}: `);
      const answer = checkAnswer(question, typed === "" ? (fallback ?? "") : typed);
      if (answer.ok) {
        answers[question.key] = answer.value ?? "";
        break;
      }
      context.stderr.write(`  ${answer.error}\n`);
    }
  }
  return answers;
}

/** All answers, from flags, this folder and, on a terminal, a person. @throws {McpistError} ERR_USAGE naming the flags. */
async function collect(context: Context, flags: InitFlags, prompt: Prompt | null): Promise<Answers> {
  const suggested = await derived(context);
  const open = QUESTIONS.filter(({ key }) => flags[key] === undefined);
  const typed = prompt ? await askAll(context, prompt, open, suggested) : suggested;
  const missing: string[] = [];
  const answers: Partial<Record<keyof Answers, string | null>> = {};
  for (const question of QUESTIONS) {
    const text = flags[question.key] ?? typed[question.key];
    const answer = checkAnswer(question, text ?? "");
    if (answer.ok) answers[question.key] = answer.value;
    else if (text === undefined) missing.push(question.flag);
    else throw new McpistError("ERR_USAGE", `${question.flag}: ${answer.error}`, { hint: HINTS.initFlags() });
  }
  if (missing.length > 0) {
    throw new McpistError(
      "ERR_USAGE",
      `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} required without a terminal`,
      {
        hint: HINTS.initAll(),
      },
    );
  }
  const complete = answers as unknown as Answers;
  if (complete.koyebUrl === null && complete.flyApp === null) {
    throw new McpistError("ERR_USAGE", "an installation needs at least one origin", {
      hint: HINTS.initOrigin(),
    });
  }
  return complete;
}

/** Writes the file. Without --force the decision and the write are one step, so that no file of somebody else is lost. */
async function write(path: string, file: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(path, text, { flag: force ? "w" : "wx" });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") throw exists(file, cause);
    const { code = "error" } = cause as NodeJS.ErrnoException;
    throw new McpistError("ERR_CONFIG", `${file} cannot be written (${code})`, {
      hint: code === "ENOENT" ? HINTS.writableFile() : (machineFault(cause)?.advice ?? HINTS.usableFile()),
      cause,
    });
  }
}

const exists = (file: string, cause?: unknown): McpistError =>
  new McpistError("ERR_CONFIG", `${file} exists already: nothing was written`, {
    hint: HINTS.otherFile(),
    cause,
  });

/** What the project depends on: this version or a later one that fits it, or what `MCPIST_PACKAGE` names. */
const dependencyOf = ({ env }: Context): string => env["MCPIST_PACKAGE"] || `^${toolVersion()}`;

/** The files beside the configuration. @throws {McpistError} when they cannot be, or a person does not want them. */
async function planFiles(
  context: Context,
  flags: InitFlags,
  environment: string,
  prompt: Prompt | null,
): Promise<readonly PlannedFile[]> {
  const planned = planProject({
    folder: context.cwd,
    environment,
    mcpist: dependencyOf(context),
    peers: { ...companions(), ...ownNode() },
    renew: flags.files && flags.force,
  });
  if (!planned.ok)
    throw new McpistError("ERR_CONFIG", planned.error, {
      hint: planned.error === NO_MODULES ? HINTS.moduleType() : HINTS.ownProject(),
    });
  const touched = planned.value.filter(({ change }) => change === "changed");
  if (touched.length === 0 || flags.yes) return planned.value;
  const list = touched
    .map(({ path, adds }) => `${folded(`  ${path}: ${adds.join(", ")}`, LINE, 4).join("\n")}\n`)
    .join("");
  if (!prompt)
    throw new McpistError("ERR_USAGE", `${touched.map(({ path }) => path).join(" and ")} would be changed`, {
      hint: HINTS.addYes(),
    });
  context.stderr.write(`These files are here, and this is added to them:\n${list}`);
  if (/^y(es)?$/i.test(await prompt.ask("Add it? [y/N] "))) return planned.value;
  throw new McpistError("ERR_REFUSED", "nothing was written", { hint: HINTS.sayYes() });
}

async function writeFiles(context: Context, files: readonly PlannedFile[]): Promise<void> {
  for (const { path, text, change } of files) {
    if (change !== "new" && change !== "changed") continue;
    const target = resolve(context.cwd, path);
    await mkdir(dirname(target), { recursive: true }).catch(() => undefined);
    await write(target, path, text, change === "changed");
  }
}

/** The text of the configuration, from answers that the schema accepts. */
async function configuration(
  context: Context,
  flags: InitFlags,
  name: string,
  checkout: boolean,
  prompt: Prompt | null,
) {
  const environment = environmentOf(name, await collect(context, flags, prompt), toolVersion());
  const parsed = parseConfig(configOf(name, environment));
  if (parsed.ok) return { environment, text: configText(name, environment, checkout) };
  const [issue] = parsed.error;
  throw new McpistError(
    "ERR_CONFIG",
    `these answers make no valid configuration: ${issue?.path ?? ""}: ${issue?.message ?? "wrong"}`,
    { hint: HINTS.initFlags() },
  );
}

/** The command. */
export async function runInit(context: Context, flags: InitFlags): Promise<ExitCode> {
  const name = flags.env ?? "production";
  if (name === SANDBOX_ENVIRONMENT) {
    throw new McpistError("ERR_USAGE", "the sandbox's environment is built in and needs no file", {
      hint: HINTS.justSandbox(),
    });
  }
  const path = resolve(context.cwd, flags.config);
  const checkout = existsSync(resolve(context.cwd, "contract/config.ts"));
  // Another file is one more configuration of a project that is there already.
  const project = !checkout && flags.config === CONFIG_FILE;
  if (flags.files && !project)
    throw new McpistError("ERR_USAGE", "--files is for a project, and for its mcpist.config.ts", {
      hint: HINTS.initFlags(),
    });
  if (!flags.files && !flags.force && existsSync(path)) throw exists(flags.config);
  const prompt = context.stdin.isTTY === true && !flags.yes ? openPrompt(context) : null;
  try {
    const files = project ? await planFiles(context, flags, name, prompt) : [];
    const written = flags.files ? null : await configuration(context, flags, name, checkout, prompt);
    await writeFiles(context, files);
    // Last: where it is there, the rest is.
    if (written) await write(path, flags.config, written.text, flags.force);
    report(context, flags, { name, files, environment: written?.environment ?? null, project });
    return EXIT.done;
  } finally {
    prompt?.close();
  }
}

interface Outcome {
  readonly name: string;
  readonly files: readonly PlannedFile[];
  /** null = the configuration was not written. */
  readonly environment: EnvironmentInput | null;
  readonly project: boolean;
}

const DID = { new: "wrote", changed: "changed", kept: "kept", same: "kept" } as const;

function report(context: Context, flags: InitFlags, { name, files, environment, project }: Outcome): void {
  const next = environment === null ? [] : (project ? projectCommands : bootstrapCommands)(name, environment.image);
  if (flags.json) {
    const changes = files.map(({ path, change, adds }) => ({ path, change, adds }));
    printJson(context, {
      command: "init",
      ok: true,
      exitCode: EXIT.done,
      file: flags.config,
      environment: name,
      files: changes,
      next: project && environment ? ["npm install", "npm run demo", ...next] : next,
    });
    return;
  }
  const style = styles(context, context.stdout);
  const lines = files.map(({ path, change }) => `${style("dim", DID[change].padEnd(7))}  ${path}\n`);
  context.stdout.write(lines.join(""));
  if (environment === null) return;
  context.stdout.write(
    `${style("green", "done")}     ${flags.config} describes environment ${name}; the zone\n` +
      `         ${environment.cloudflare.zone} and other names in it were derived: look them through\n\n` +
      (project
        ? "Try it, all on this machine:\n  npm install && npm run demo\n\nFor real, with tokens for GitHub, Cloudflare, Koyeb and Fly.io in the\nenvironment (docs: node_modules/mcpist/docs/install.md):\n"
        : "Next, with GH_TOKEN (also as GITHUB_TOKEN), CLOUDFLARE_API_TOKEN, KOYEB_TOKEN and\nFLY_API_TOKEN set:\n") +
      next.map((command, i) => `  ${i + 1}. ${command}\n`).join(""),
  );
}
