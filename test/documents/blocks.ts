/**
 * Command blocks of a document, and what a comment in front of one says about running it. Pure.
 *
 * `<!-- NOT RUN: reason -->` leaves the block out. `<!-- run: exit=0,5; stdin=$URL; APP=mcpist-origin -->` runs it otherwise than usual:
 * - `exit` – the exit code of each command, or of all of them; absent = 0
 * - `stdin` – text for the block's standard input, in which variables are replaced
 * - `scenario` – an outage of the sandbox while it runs
 * - `state` – `koyeb:joining`: what the reader has written into the configuration before
 * - `apart` – `yes`: in a terminal that is joined to nothing
 * - `stays` – text after which the block counts as started; it is ended with the document
 * - in upper case, or a number: a placeholder of the document and what a reader would put there; `$(…)` is asked of the shell
 */

/** What a block is. */
export type Language = "sh" | "sql" | "other";

/** One fenced block. */
export interface Block {
  readonly file: string;
  /** Of the fence, counted from 1. */
  readonly line: number;
  readonly language: Language;
  /** Without the indentation of a list. */
  readonly text: string;
  /** Why it is not run; null = it is. */
  readonly notRun: string | null;
  readonly notes: Notes;
}

/** How it is run. */
export interface Notes {
  readonly exits: readonly number[];
  readonly stdin: string | null;
  readonly scenario: string | null;
  readonly apart: boolean;
  readonly state: readonly [origin: string, state: string] | null;
  readonly stays: string | null;
  readonly placeholders: readonly (readonly [string, string])[];
}

const FENCE = /^( *)```(\w*)\n([\s\S]*?)^ *```/gm;
/** A block without a language is a transcript of commands. */
const LANGUAGES: Readonly<Record<string, Language>> = { "": "sh", sh: "sh", bash: "sh", shell: "sh", sql: "sql" };

/** @throws {TypeError} for a comment that says what nobody understands. */
export function blocksOf(file: string, document: string): readonly Block[] {
  return [...document.matchAll(FENCE)].map((match) => {
    const [, indent = "", language = "", body = ""] = match;
    const before = document.slice(0, match.index);
    const comment = /<!-- ([^\n]*) -->\n$/.exec(before)?.[1] ?? "";
    const line = before.split("\n").length;
    const where = `${file}:${line}`;
    return {
      file,
      line,
      language: LANGUAGES[language] ?? "other",
      text: body.replaceAll(new RegExp(`^${indent}`, "gm"), "").trimEnd(),
      notRun: comment.startsWith("NOT RUN: ") ? comment.slice("NOT RUN: ".length) : null,
      notes: notesOf(comment.startsWith("run: ") ? comment.slice("run: ".length) : "", where),
    };
  });
}

const stateOf = (text: string | null): Notes["state"] => {
  const [origin, state] = text?.split(":") ?? [];
  return origin === undefined || state === undefined ? null : [origin, state];
};

function notesOf(text: string, where: string): Notes {
  const pairs = text
    .split("; ")
    .filter((part) => part !== "")
    .map((part): readonly [string, string] => {
      const [, key, value] = /^([\w/-]+)=(.*)$/.exec(part) ?? [];
      if (key === undefined || value === undefined) throw new TypeError(`${where}: "${part}" is no note`);
      return [key, value];
    });
  const placeholders = pairs.filter(([key]) => /^[A-Z\d]/.test(key));
  const notes = new Map(pairs.filter(([key]) => !/^[A-Z\d]/.test(key)));
  const take = (key: string): string | null => {
    const value = notes.get(key) ?? null;
    notes.delete(key);
    return value;
  };
  const read: Notes = {
    exits: (take("exit") ?? "0").split(",").map(Number),
    stdin: take("stdin"),
    scenario: take("scenario"),
    apart: take("apart") === "yes",
    state: stateOf(take("state")),
    stays: take("stays"),
    placeholders,
  };
  const [unknown] = notes.keys();
  if (unknown !== undefined) throw new TypeError(`${where}: nobody understands the note "${unknown}"`);
  return read;
}

/** The block's commands, one each; a command that goes on in the next line is one. */
export function commandsOf({ text }: Pick<Block, "text">): readonly string[] {
  const commands: string[] = [];
  let open = "";
  for (const line of text.split("\n")) {
    open += open === "" ? line : `\n${line}`;
    if (/(\\|\||&&)$/.test(line)) continue;
    if (!/^\s*(#|$)/.test(open)) commands.push(open);
    open = "";
  }
  return open === "" ? commands : [...commands, open];
}

/** Programs that may be absent, by the word with which a command begins. */
const PROGRAMS: Readonly<Record<string, string>> = {
  fly: "flyctl",
  flyctl: "flyctl",
  koyeb: "koyeb",
  gh: "gh",
  psql: "psql",
  docker: "docker",
  curl: "curl",
  jq: "jq",
  supabase: "supabase",
};

/** Programs that a block needs, in order. */
export function programsOf(block: Block): readonly string[] {
  if (block.language === "sql") return ["psql"];
  const words = commandsOf(block).flatMap((command) =>
    command
      .split(/\||&&|\n|-- /)
      .map((part) => /^\s*(?:[A-Z_]+=\S* )*([a-z]+)(?![\w(=])/.exec(part)?.[1] ?? "")
      .flatMap((word) => PROGRAMS[word] ?? []),
  );
  return [...new Set(words)];
}

/** What the test of a block is called: where it is, and how it begins. */
export const titleOf = ({ file, line, text }: Block): string => {
  const [first = ""] = text.split("\n");
  return `${file}:${line} ${first.length > 60 ? `${first.slice(0, 60)}…` : first}`;
};
