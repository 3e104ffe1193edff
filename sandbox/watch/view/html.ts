/** HTML text with escaping by default: everything put into {@link markup} is escaped unless it is itself made by it. */

/** HTML that may stand in a page as it is. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? "");

type Part = string | number | Html | readonly Html[] | null;

function render(part: Part): string {
  if (part === null) return "";
  if (part instanceof Html) return part.text;
  return typeof part === "object" ? part.map((item) => item.text).join("") : escape(String(part));
}

/** Line breaks of the source mean nothing: gone between tags, one space elsewhere. */
const compact = (literal: string): string => literal.replaceAll(/>\s*\n\s*</g, "><").replaceAll(/\s*\n\s*/g, " ");

/** Tagged template: literal parts stay, values are escaped; null is nothing. */
export const markup = (literals: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(
    literals.map((literal, i) => compact(literal) + (i < parts.length ? render(parts[i] ?? null) : "")).join(""),
  );

/** Text that is already HTML, CSS or script, written by us. */
export const trusted = (text: string): Html => new Html(text);
