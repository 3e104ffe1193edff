/** `mcpist init`: asks for what cannot be derived, checks the result with the schema and writes mcpist.config.ts. No remote call. */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseConfig } from "../../contract/config.ts";
import { SANDBOX_ENVIRONMENT } from "../../contract/sandbox.ts";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { printJson, styles } from "../output.ts";
import type { CommonFlags } from "../flags.ts";
import { toolVersion } from "../version.ts";
import {
  bootstrapCommands,
  checkAnswer,
  configOf,
  configText,
  environmentOf,
  QUESTIONS,
  type Answers,
  type Question,
} from "./init-config.ts";

/** Flags of the command. */
export interface InitFlags extends CommonFlags, Partial<Record<keyof Answers, string | undefined>> {
  readonly force: boolean;
}

type Given = Readonly<Partial<Record<keyof Answers, string>>>;

/** What need not be asked: the repository of this folder and the account of this terminal. */
async function derived(context: Context): Promise<Given> {
  const git = await readFile(resolve(context.cwd, ".git/config"), "utf8").catch(() => "");
  const repo = /^\s*url\s*=\s*\S*github\.com[:/]([\w-]+\/[\w.-]+?)(?:\.git)?\s*$/m.exec(git)?.[1];
  const account = context.env["CLOUDFLARE_ACCOUNT_ID"];
  return { ...(repo === undefined ? {} : { repo }), ...(account ? { account } : {}) };
}

/** Asks on the terminal until the answer fits. @throws {McpistError} ERR_USAGE when the input ends first. */
async function askAll(context: Context, questions: readonly Question[], suggested: Given): Promise<Given> {
  const prompt = createInterface({ input: context.stdin });
  const close = () => prompt.close();
  context.signal.addEventListener("abort", close, { once: true });
  // The iterator keeps lines that come before their question.
  const lines = prompt[Symbol.asyncIterator]();
  const ask = async (words: string): Promise<string> => {
    context.stderr.write(words);
    const line = await lines.next();
    context.signal.throwIfAborted();
    if (line.done !== true) return line.value.trim();
    throw new McpistError("ERR_USAGE", "the input ended before the last question: nothing was written", {
      hint: HINTS.valueAgain(),
    });
  };
  const answers: Partial<Record<keyof Answers, string>> = {};
  try {
    for (const question of questions) {
      const fallback = suggested[question.key];
      for (;;) {
        const typed = await ask(`${question.ask}${fallback === undefined ? "" : ` [${fallback}]`}: `);
        const answer = checkAnswer(question, typed === "" ? (fallback ?? "") : typed);
        if (answer.ok) {
          answers[question.key] = answer.value ?? "";
          break;
        }
        context.stderr.write(`  it must be ${answer.error}\n`);
      }
    }
  } finally {
    context.signal.removeEventListener("abort", close);
    prompt.close();
  }
  return answers;
}

/** All answers, from flags, this folder and, on a terminal, a person. @throws {McpistError} ERR_USAGE naming the flags. */
async function collect(context: Context, flags: InitFlags): Promise<Answers> {
  const suggested = await derived(context);
  const asks = context.stdin.isTTY === true && !flags.yes;
  const open = QUESTIONS.filter(({ key }) => flags[key] === undefined);
  const typed = asks ? await askAll(context, open, suggested) : suggested;
  const missing: string[] = [];
  const answers: Partial<Record<keyof Answers, string | null>> = {};
  for (const question of QUESTIONS) {
    const text = flags[question.key] ?? typed[question.key];
    const answer = checkAnswer(question, text ?? "");
    if (answer.ok) answers[question.key] = answer.value;
    else if (text === undefined) missing.push(question.flag);
    else throw new McpistError("ERR_USAGE", `${question.flag} takes ${answer.error}`, { hint: HINTS.initFlags() });
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
    throw new McpistError(
      "ERR_CONFIG",
      `${file} cannot be written (${(cause as NodeJS.ErrnoException).code ?? "error"})`,
      { hint: HINTS.writableFile(), cause },
    );
  }
}

const exists = (file: string, cause?: unknown): McpistError =>
  new McpistError("ERR_CONFIG", `${file} exists already: nothing was written`, {
    hint: HINTS.otherFile(),
    cause,
  });

/** The command. */
export async function runInit(context: Context, flags: InitFlags): Promise<ExitCode> {
  const name = flags.env ?? "production";
  if (name === SANDBOX_ENVIRONMENT) {
    throw new McpistError("ERR_USAGE", "the sandbox's environment is built in and needs no file", {
      hint: HINTS.justSandbox(),
    });
  }
  const path = resolve(context.cwd, flags.config);
  if (!flags.force && existsSync(path)) throw exists(flags.config);
  const environment = environmentOf(name, await collect(context, flags), toolVersion());
  const parsed = parseConfig(configOf(name, environment));
  if (!parsed.ok) {
    const [issue] = parsed.error;
    throw new McpistError(
      "ERR_CONFIG",
      `these answers make no valid configuration: ${issue?.path ?? ""}: ${issue?.message ?? "wrong"}`,
      {
        hint: HINTS.initFlags(),
      },
    );
  }
  await write(
    path,
    flags.config,
    configText(name, environment, existsSync(resolve(context.cwd, "contract/config.ts"))),
    flags.force,
  );
  const next = bootstrapCommands(name, environment.image);
  if (flags.json) {
    printJson(context, { command: "init", ok: true, exitCode: EXIT.done, file: flags.config, environment: name, next });
    return EXIT.done;
  }
  const style = styles(context, context.stdout);
  context.stdout.write(
    `${style("green", "done")}  ${flags.config} describes environment ${name}; zone ${environment.cloudflare.zone} and the other names in it were derived: look them through\n\n` +
      `Next, with GH_TOKEN (also as GITHUB_TOKEN), CLOUDFLARE_API_TOKEN, KOYEB_TOKEN and FLY_API_TOKEN set:\n${next
        .map((command, i) => `  ${i + 1}. ${command}\n`)
        .join("")}`,
  );
  return EXIT.done;
}
