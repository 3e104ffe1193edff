/** Finds the line of mcpist.config.ts that a person has to change. Pure; reads text, never runs or writes it. */
import type { OriginState } from "../../contract/runtime-config.ts";

/** One line as it is and as it has to be. */
export interface LineChange {
  /** Counted from 1. */
  readonly line: number;
  readonly from: string;
  readonly to: string;
}

const quoted = (name: string): RegExp => new RegExp(`\\bname:\\s*(["'\`])${name.replace(/[^a-z0-9-]/g, "")}\\1`);
const STATE = /\bstate:\s*(["'`])(pool|joining|quarantined)\1/;

/** The lines that belong to an environment: from its key to the next key with the same indentation. */
function sectionOf(
  lines: readonly string[],
  environment: string,
): { readonly start: number; readonly end: number } | null {
  const key = new RegExp(`^(\\s*)(["']?)${environment.replace(/[^a-z0-9-]/g, "")}\\2:\\s*\\{`);
  const start = lines.findIndex((line) => key.test(line));
  if (start < 0) return null;
  const indent = key.exec(lines[start] ?? "")?.[1] ?? "";
  const length = lines
    .slice(start + 1)
    .findIndex(
      (line) => line.startsWith(`${indent}}`) || (line.startsWith(indent) && /^["'\w]/.test(line.slice(indent.length))),
    );
  return { start, end: length < 0 ? lines.length : start + 1 + length };
}

/**
 * The change that gives `origin` another state.
 * @returns null when the text is not written the usual way, so that the place cannot be told for sure.
 */
export function stateLine(text: string, environment: string, origin: string, state: OriginState): LineChange | null {
  const lines = text.split("\n");
  const section = sectionOf(lines, environment);
  if (!section) return null;
  const named = lines.flatMap((line, i) =>
    i > section.start && i < section.end && quoted(origin).test(line) ? [i] : [],
  );
  const [at] = named;
  if (at === undefined || named.length !== 1) return null;
  // The origin's own object: one line, or the lines from its name to the brace that ends it.
  const oneLine = /\{.*\}/.test(lines[at] ?? "");
  let last = at;
  if (!oneLine) while (last < section.end && !/^\s*\}/.test(lines[last] ?? "")) last++;
  for (let i = at; i <= last; i++) {
    const from = lines[i] ?? "";
    if (STATE.test(from)) return { line: i + 1, from, to: from.replace(STATE, `state: "${state}"`) };
  }
  const from = lines[at] ?? "";
  const to = oneLine
    ? from.replace(/\s*,?\s*\}(?=[^}]*$)/, `, state: "${state}" }`)
    : from.replace(/,?\s*$/, `, state: "${state}",`);
  return { line: at + 1, from, to };
}
