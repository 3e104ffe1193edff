/** Text in lines that fit: on a terminal no word is broken, and a command stays one line, from which it is copied. Pure. */
import { stripVTControlCharacters } from "node:util";
import type { Writer } from "./context.ts";

/** A terminal that is narrower, or that does not know how wide it is, gets lines as they are. Unit: columns. */
export const MIN_COLUMNS = 40;
/** What is written line by line, whoever reads it. Unit: columns. */
export const LINE = 80;

/** Columns of a terminal that says how many it has; 0 = no terminal, or it does not. */
export const widthOf = ({ isTTY, columns = 0 }: Writer): number => (isTTY === true ? columns : 0);

/** Colour takes no column. */
const ESCAPE = "\u001b";
const COLOUR = new RegExp(String.raw`${ESCAPE}\[[\d;]*m`, "y");

/** Where the column with this number begins in a text that may be coloured. */
function indexOf(column: number, text: string): number {
  let at = 0;
  for (let left = column; left > 0 && at < text.length; left--) {
    COLOUR.lastIndex = at;
    for (let found = COLOUR.exec(text); found; found = COLOUR.exec(text)) at = COLOUR.lastIndex;
    COLOUR.lastIndex = at += 1;
  }
  return at;
}

/**
 * Text in lines of at most so many columns, broken between words where that can be; all but the first are indented. A name that is longer
 * than a line, as a path of an API, is cut.
 */
export function folded(text: string, columns: number, indent: number): readonly string[] {
  if (stripVTControlCharacters(text).length <= columns) return [text];
  const end = indexOf(columns, text);
  const blank = text.lastIndexOf(" ", end);
  const at = blank > indexOf(indent, text) ? blank : end;
  const rest = " ".repeat(indent) + text.slice(at).trimStart();
  return [text.slice(0, at).trimEnd(), ...folded(rest, columns, indent)];
}

/** Narrower than this no column of text is. */
const MIN_TEXT = 28;

/**
 * Prose for people: on a terminal no word of it is broken. A line goes on below its last column. Not for commands: what was folded cannot be
 * copied.
 */
export function fitted({ stdout }: { readonly stdout: Writer }, text: string): string {
  const columns = widthOf(stdout);
  if (columns < MIN_COLUMNS) return text;
  const begins = (line: string): number =>
    Math.max(
      2,
      ...[...stripVTControlCharacters(line).matchAll(/ {2,}(?=\S)|^/g)]
        .map((gap) => gap.index + gap[0].length)
        .filter((at) => at <= columns - MIN_TEXT),
    );
  return text
    .split("\n")
    .flatMap((line) => folded(line, columns, begins(line)))
    .join("\n");
}

/** A command in a text, up to the mark or bracket at which a person stops reading. */
const COMMAND =
  /\b(?:mcpist|npx|npm|node|git|gh|fly|koyeb|docker|export|eval|terraform|tofu) (?:'[^']*'|"[^"]*"|[^;,('"])*(?<! )/g;
/** Stands for a blank at which no line ends. */
const KEPT = "\u0000";

/** Stands before an error. Unit: columns. */
const LABEL = 7;

/**
 * An error or a hint behind its label: on a terminal a line ends at a blank, never in a word and never in a command, which is copied as one
 * line whatever its length.
 */
export function labelled(columns: number, label: string, text: string, indent = LABEL): string {
  const whole = `${label.padEnd(indent)}${text}`;
  if (columns < MIN_COLUMNS) return whole;
  const kept = text.replaceAll(COMMAND, (command) => command.replaceAll(" ", KEPT));
  const lines: string[] = [];
  for (const word of kept.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && indent + last.length + 1 + word.length <= columns)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return `${label.padEnd(indent)}${lines.join(`\n${" ".repeat(indent)}`)}`.replaceAll(KEPT, " ");
}

/** Columns, padded; the last one is not. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>((all, row) => row.map((cell, i) => Math.max(all[i] ?? 0, cell.length)), []);
  return rows
    .map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join("  "))
    .join("\n");
}
