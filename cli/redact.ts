/**
 * A safety net, not a licence: values are kept out of texts by construction; what slips through is replaced here, as it is or as a
 * platform may say it back: encoded, escaped, wrapped over lines, or cut short.
 */
import { bytesOf, decoded, squeezed, textOf, viewOf, type View } from "./redact-view.ts";

const MARK = "[secret]";
/** So long a piece of a random value is one that nobody writes by chance, and shorter than any piece of use. Unit: characters. */
const PIECE = 12;
/** What is shorter than this is an ordinary word. Unit: characters. */
const SHORTEST = 8;
/** Texts in texts: a platform's JSON in the JSON of what stands in front of it. */
const LEVELS = 3;
/** A part of a value that is random, as far as one can tell. */
const RANDOM = /(?=[\w-]*\d)(?=[\w-]*[a-zA-Z])[\w-]{16,}/g;

/** A span of a text: first, and one behind the last. */
type Span = readonly [number, number];

/** Replaces registered values, bearer tokens and gateway-secret shapes in a text. */
export class Redactor {
  /** Byte by byte, see {@link bytesOf}. */
  readonly #forms = new Set<string>();
  readonly #pieces = new Set<string>();

  /** Registers a value in every form in which it could be printed, and the raw bytes behind 64 hex characters. */
  register(value: string): void {
    if (value.length < SHORTEST) return;
    const own = [value, value.replaceAll(" ", "+")];
    const bytes = Buffer.from(value, "utf8");
    const coded = [bytes, ...(/^[0-9a-f]{64}$/.test(value) ? [Buffer.from(value, "hex")] : [])];
    for (const form of [...own, ...own.map((text) => textOf(decoded(viewOf(text)).text)), bytes.toString("hex")])
      if (form.length >= SHORTEST) this.#forms.add(bytesOf(form));
    for (const buffer of coded)
      for (const base of ["base64", "base64url"] as const) {
        this.#forms.add(buffer.toString(base));
        for (const before of [0, 1, 2]) this.#addPieces(inside(buffer, before, base), () => true);
      }
    for (const token of value.match(RANDOM) ?? [])
      for (const form of [token, token.toUpperCase(), token.toLowerCase()])
        // A word of a person has no digit.
        this.#addPieces(form, (piece) => /\d/.test(piece));
  }

  #addPieces(form: string, counts: (piece: string) => boolean): void {
    for (let at = 0; at + PIECE <= form.length; at++) {
      const piece = form.slice(at, at + PIECE);
      if (counts(piece)) this.#pieces.add(piece);
    }
  }

  /** @returns `text` without registered values, bearer tokens, or anything that is shaped like a gateway secret. */
  apply(text: string): string {
    return (
      this.#withoutRegistered(text)
        .replace(/\b[0-9a-fA-F]{64}\b/g, MARK)
        .replace(/\b(Bearer|FlyV1)\s+[\w.,~+/=-]{8,}/gi, `$1 ${MARK}`)
        // GitHub's old scheme is an ordinary word: only what looks like a token behind it is one.
        .replace(/\btoken\s+(?=[\w.,~+/=-]*\d)[\w.,~+/=-]{8,}/gi, `token ${MARK}`)
    );
  }

  #withoutRegistered(text: string): string {
    if (this.#forms.size === 0) return text;
    const spans: Span[] = [];
    let view = viewOf(text);
    const bytes = view.text;
    for (let level = 0; level <= LEVELS; level++) {
      spans.push(...this.#wholeIn(view), ...this.#piecesIn(squeezed(view)));
      const next = decoded(view);
      if (next.text === view.text) break;
      view = next;
    }
    if (spans.length === 0) return text;
    let [clean, at] = ["", 0];
    for (const [from, to] of joined(spans)) {
      clean += bytes.slice(at, from) + MARK;
      at = to;
    }
    return textOf(clean + bytes.slice(at));
  }

  #wholeIn(view: View): readonly Span[] {
    return [...this.#forms].flatMap((form) => {
      const spans: Span[] = [];
      for (let at = view.text.indexOf(form); at >= 0; at = view.text.indexOf(form, at + form.length))
        spans.push(view.span(at, at + form.length));
      return spans;
    });
  }

  #piecesIn(view: View): readonly Span[] {
    const spans: Span[] = [];
    for (let at = 0; at + PIECE <= view.text.length; at++)
      if (this.#pieces.has(view.text.slice(at, at + PIECE))) spans.push(view.span(at, at + PIECE));
    return spans;
  }
}

/** What base64 makes of `bytes` in the middle of other bytes, without the characters that these have a part in. */
function inside(bytes: Buffer, before: number, base: "base64" | "base64url"): string {
  const whole = Buffer.concat([Buffer.alloc(before), bytes]);
  const [first, last] = [Math.ceil((before * 8) / 6), Math.floor((whole.length * 8) / 6)];
  return whole.toString(base).slice(first, last);
}

/** Spans in order, those that overlap as one. */
function joined(spans: readonly Span[]): readonly Span[] {
  const out: Span[] = [];
  for (const [from, to] of spans.toSorted((one, other) => one[0] - other[0] || other[1] - one[1])) {
    const last = out.at(-1);
    if (last && from < last[1]) out[out.length - 1] = [last[0], Math.max(last[1], to)];
    else out.push([from, to]);
  }
  return out;
}

/** Makes text from a platform safe for a terminal: control characters, and what turns the direction of text, become visible. */
export const printable = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- control characters are exactly what is replaced
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "\uFFFD");

/** A short word of letters in one case, as names of ours are; no token, key, address or random value is one. */
const NAME = /^(?:-{0,2}[a-z]+(?:-[a-z]+)*|[A-Z]+(?:_[A-Z]+)*)$/;
const LONGEST_NAME = 24;

/**
 * What was typed where a name was asked for, so that a person sees the slip: ": rotat". Nothing for what may be a secret that was pasted by
 * mistake.
 */
export const typedName = (text: string): string => (text.length <= LONGEST_NAME && NAME.test(text) ? `: ${text}` : "");
