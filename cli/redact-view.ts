/**
 * A text as it reads without its escapes or without its line breaks, where each character still knows its place in the text as it is.
 * Texts are bytes of UTF-8, one per character, so that what is escaped byte by byte and what is not are compared alike. Pure.
 */

/** A text that was made of another one. */
export interface View {
  readonly text: string;
  /** The place in the text that it was made of. */
  readonly span: (from: number, to: number) => readonly [number, number];
}

/** One character per byte of UTF-8. */
export const bytesOf = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
/** The text of such characters. */
export const textOf = (bytes: string): string => Buffer.from(bytes, "latin1").toString("utf8");

/** The text as it is. */
export const viewOf = (text: string): View => ({ text: bytesOf(text), span: (from, to) => [from, to] });

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "/": "/", "\\": "\\" };
/** URLs, JSON and HTML. */
const ESCAPED =
  /%([0-9a-f]{2})|((?:\\u[0-9a-f]{4})+)|\\([nrt"/\\])|&(?:#(\d{1,6})|#x([0-9a-f]{1,5})|(amp|lt|gt|quot|apos));/gi;

function plainOf(match: RegExpExecArray): string {
  const [whole, percent, units, escape, decimal, hex, entity] = match;
  if (percent !== undefined) return String.fromCharCode(Number.parseInt(percent, 16));
  if (units !== undefined)
    return bytesOf(
      String.fromCharCode(
        ...units
          .slice(2)
          .split(/\\u/i)
          .map((unit) => Number.parseInt(unit, 16)),
      ),
    );
  if (escape !== undefined) return ESCAPES[escape.toLowerCase()] ?? whole;
  if (entity !== undefined) return ENTITIES[entity.toLowerCase()] ?? whole;
  return bytesOf(
    String.fromCodePoint(decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal) % 0x11_0000),
  );
}

/** Each character of `text` with the place in `of` that it stands for. */
function made(of: View, parts: Iterable<readonly [text: string, from: number, to: number]>): View {
  let text = "";
  const [first, last]: [number[], number[]] = [[], []];
  for (const [part, from, to] of parts)
    for (let i = 0; i < part.length; i++) {
      // What is not escaped stands one for one.
      const plain = part.length === to - from;
      text += part[i];
      first.push(plain ? from + i : from);
      last.push(plain ? from + i + 1 : to);
    }
  return {
    text,
    span: (from, to) => [
      of.span(first[from] ?? 0, last[from] ?? 0)[0],
      of.span(first[to - 1] ?? 0, last[to - 1] ?? 0)[1],
    ],
  };
}

function* pieces(text: string, pattern: RegExp, plain: (match: RegExpExecArray) => string) {
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    yield [text.slice(at, match.index), at, match.index] as const;
    at = match.index + match[0].length;
    yield [plain(match), match.index, at] as const;
  }
  yield [text.slice(at), at, text.length] as const;
}

/** Without one level of escapes. */
export const decoded = (view: View): View => made(view, pieces(view.text, ESCAPED, plainOf));

/** What may stand in a value that is wrapped or written byte by byte; the bytes are U+FFFD, which stands for a control character. */
const BETWEEN = /(?:[\s:]|\u00ef\u00bf\u00bd)+/g;

/** Without line breaks and the like: such a value stands in one piece. */
export const squeezed = (view: View): View =>
  made(
    view,
    pieces(view.text, BETWEEN, () => ""),
  );
