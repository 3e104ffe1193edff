/** What people and machines see: the answer on stdout, progress and errors on stderr. Colour only on a terminal. */
import { Writable } from "node:stream";
import { WriteStream } from "node:tty";
import { styleText } from "node:util";
import type { Context, Writer } from "./context.ts";
import { McpistError } from "./errors.ts";
import type { Hint, Party } from "./hints/hint.ts";
import { idOf } from "./hints/hints.ts";
import { errorPage } from "./hints/page.ts";
import { fitted, folded, labelled, LINE, MIN_COLUMNS, widthOf } from "./layout.ts";
import { printable } from "./redact.ts";
import type { Reporter } from "./reporter.ts";

/** One step of a run as it is reported in JSON. Unit: milliseconds since the start of the command. */
export interface StepRecord {
  readonly name: string;
  readonly startedMs: number;
  readonly durationMs: number;
  readonly outcome: string;
}

/** A terminal that can be told nothing but text, as an editor's shell. */
const isDumb = ({ env }: Pick<Context, "env">): boolean => env["TERM"] === "dumb";

/** True where colour is wanted: a terminal that has it, and NO_COLOR unset. */
export const coloured = (context: Pick<Context, "env">, writer: Writer): boolean =>
  writer.isTTY === true && !context.env["NO_COLOR"] && !isDumb(context);

/** Styles for one writer; plain text where colour is not wanted. */
export function styles(
  context: Context,
  writer: Writer,
): (style: "green" | "red" | "yellow" | "dim" | "bold", text: string) => string {
  return coloured(context, writer)
    ? (style, text) => styleText(style, text, { validateStream: false })
    : (_, text) => text;
}

/** Unit: milliseconds. */
const WAIT_TOLD_MS = 10_000;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Progress of a command, kept as records for `--json`. */
export class Progress implements Reporter {
  readonly steps: StepRecord[] = [];
  readonly #context: Context;
  readonly #started: number;
  readonly #waves: Waves | null;
  readonly #timer: NodeJS.Timeout;
  #listener: ((name: string | null) => void) | null = null;

  constructor(context: Context, options: { readonly json: boolean }) {
    this.#context = context;
    this.#started = context.monotonic();
    const { stderr } = context;
    this.#waves =
      stderr instanceof WriteStream && stderr.columns >= MIN_COLUMNS && !isDumb(context) && !options.json
        ? new Waves(stderr)
        : null;
    this.#timer = setInterval(() => this.tellWaits(), WAIT_TOLD_MS);
    // A finished command never waits for it.
    this.#timer.unref();
  }

  /** Says for whom and for what the command waits at this moment; called every ten seconds. */
  tellWaits(): void {
    const waits = this.#context.waits.current();
    if (this.#waves) this.#waves.tell(this.#context.redactor.apply(printable(waits.join("; "))));
    else for (const text of waits) this.#line(`wait  ${text}`);
  }

  /** Tells `listener` which step began last; null when it ended. */
  onStep(listener: (name: string | null) => void): void {
    this.#listener = listener;
  }

  begin(name: string): (outcome: string) => void {
    this.#listener?.(name);
    const startedMs = Math.round(this.#context.monotonic() - this.#started);
    const finish = this.#waves?.begin(name);
    return (outcome) => {
      const durationMs = Math.round(this.#context.monotonic() - this.#started) - startedMs;
      this.steps.push({ name, startedMs, durationMs, outcome });
      if (finish) finish(outcome, `${name} (${seconds(durationMs)})`);
      else this.#line(`${outcome === "done" ? "done" : outcome.padEnd(4)}  ${name} (${seconds(durationMs)})`);
    };
  }

  note(text: string): void {
    if (this.#waves) this.#waves.note(text);
    else this.#line(`note  ${text}`);
  }

  /** Waits until everything is drawn. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#waves?.end();
  }

  #line(text: string): void {
    const lines = folded(this.#context.redactor.apply(printable(text)), LINE, 6);
    this.#context.stderr.write(`${lines.join("\n")}\n`);
  }
}

type Finish = (outcome: string, title: string) => void;

/** Steps that run beside each other are drawn by listr2 as one list; the next steps make the next list. */
class Waves {
  readonly #stream: WriteStream;
  readonly #running = new Set<{ output: string }>();
  #waiting: { title: string; done: Promise<{ outcome: string; title: string }> }[] = [];
  #drawing: Promise<void> = Promise.resolve();
  #scheduled = false;

  /** @param stream the terminal to draw on: stderr, because stdout is for the answer. */
  constructor(stream: WriteStream) {
    this.#stream = stream;
  }

  begin(title: string): Finish {
    let finish: Finish = () => undefined;
    const done = new Promise<{ outcome: string; title: string }>((resolve) => {
      finish = (outcome, text) => resolve({ outcome, title: text });
    });
    this.#waiting.push({ title, done });
    this.#schedule();
    return finish;
  }

  note(text: string): void {
    this.begin(text)("note", text);
  }

  /** Below the steps that are under way; "" takes it away. */
  tell(text: string): void {
    for (const task of this.#running) task.output = text;
  }

  async end(): Promise<void> {
    while (this.#scheduled || this.#waiting.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      await this.#drawing;
    }
    await this.#drawing;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#drawing = this.#draw(this.#drawing);
  }

  async #draw(previous: Promise<void>): Promise<void> {
    await previous;
    await new Promise((resolve) => setImmediate(resolve));
    this.#scheduled = false;
    const wave = this.#waiting.splice(0);
    if (wave.length === 0) return;
    const { DefaultRenderer, Listr, ListrLogger, ProcessOutput } = await import("listr2");
    // listr2 draws on stdout, and only if that is a terminal, unless it is told otherwise.
    class OnStderr extends DefaultRenderer {
      static override nonTTY = true;
    }
    const nowhere = Object.assign(new Writable({ write: (_chunk, _encoding, done) => done() }), {
      isTTY: false,
    }) as unknown as WriteStream;
    const logger = new ListrLogger({
      useIcons: true,
      toStderr: [],
      processOutput: new ProcessOutput(this.#stream, nowhere),
    });
    const list = new Listr(
      wave.map((step) => ({
        title: step.title,
        task: async (_: unknown, task: { title: string; output: string; skip(reason: string): void }) => {
          this.#running.add(task);
          const { outcome, title } = await step.done;
          this.#running.delete(task);
          task.title = title;
          if (outcome === "note") task.skip(title);
          else if (outcome !== "done") throw new Error(outcome);
        },
      })),
      {
        concurrent: true,
        exitOnError: false,
        registerSignalListeners: false,
        renderer: OnStderr,
        rendererOptions: { collapseErrors: true, showErrorMessage: false, logger },
      },
    );
    await list.run();
  }
}

/** A hint as it is printed now: its commands name the environment that is worked on. */
export function hintText({ place }: Pick<Context, "place">, hint: Hint): string {
  place.told.push(idOf(hint));
  return hint.text(place);
}

/** The error of a report, in JSON and in a notification. */
export interface ReportedError {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  /** Whose fault it is, or who has to act. */
  readonly party: Party | null;
  /** URL of the page that explains it; null where it is not installed. */
  readonly page: string | null;
}

const pageOf = (context: Context, { advice, code }: McpistError) => errorPage(context, advice ? idOf(advice) : code);

/** `error` for a report; nothing when all went well. */
export function errorField(context: Context, failure: McpistError | null): { readonly error?: ReportedError } {
  if (!failure) return {};
  const { code, message, advice } = failure;
  const hint = advice ? hintText(context, advice) : null;
  const page = pageOf(context, failure)?.url ?? null;
  return { error: { code, message, hint, party: advice?.party ?? null, page } };
}

/** Prints an error with its hint and the page that explains it. The cause's stack only with --debug, and redacted. */
export function printError(context: Context, error: McpistError, debug: boolean, json = false): void {
  const style = styles(context, context.stderr);
  const clean = (text: string) => context.redactor.apply(printable(text));
  const { stderr } = context;
  // Beside JSON a program reads.
  const width = json ? 0 : widthOf(stderr);
  const said = labelled(width, "error:", `${clean(error.message)} (${error.code})`);
  const [first, code] = ["error:".length, said.length - error.code.length - 2];
  stderr.write(`${style("red", said.slice(0, first))}${said.slice(first, code)}${style("dim", said.slice(code))}\n`);
  if (error.advice) {
    const hint = labelled(width, "hint:", clean(hintText(context, error.advice)));
    stderr.write(`${style("yellow", "hint:")}${hint.slice("hint:".length)}\n`);
  }
  const page = pageOf(context, error);
  if (page) context.stderr.write(`${style("dim", clean(page.line))}\n`);
  if (debug && error.cause instanceof Error)
    context.stderr.write(`${clean(error.cause.stack ?? error.cause.message)}\n`);
}

/** One JSON object on stdout. */
export function printJson(context: Context, value: unknown): void {
  context.stdout.write(`${context.redactor.apply(JSON.stringify(value, null, 2))}\n`);
}

/** An answer for people, in lines that fit their terminal. */
export const printProse = (context: Context, text: string): void => void context.stdout.write(fitted(context, text));

/** What to do now, as the end of an answer. */
export function printNext(context: Context, hint: Hint): void {
  const { stdout } = context;
  stdout.write(`${labelled(widthOf(stdout), "next:", hintText(context, hint))}\n`);
}
