/** What a child writes to standard error, as bounded log lines. Anybody's words: escaped, cut, and counted when there are too many. */

/** Unit: UTF-16 code units. */
const MAX_LINE = 500;
const MAX_LINES = 20;
const WINDOW_MS = 10_000;

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Longer than any value that is looked for, so that none is cut before it is found. Unit: UTF-16 code units. */
const MAX_KEPT = 64 * 1024;
/** Account tokens of a server that are looked for by their value. */
const MAX_RECENT = 100;
/** Shorter ones stand in any text. */
const MIN_SECRET = 4;

/**
 * The member of a request that holds the token of its user's account, as JSON (also within JSON) or as Python, Go and Ruby print it. Its
 * value is another one in every call, so that it is known by its name alone: up to the quote that ends it, or to the end of the line.
 */
const ACCOUNT_TOKEN = /(mcpist\\*\/account-token\\*["']?\s*(?::|=>?)\s*)(?:(\\*["'])[^]*?((?<!\\)\2|$)|[^\s,}\])]+)/g;

/**
 * Replaces values that a server was given, however they are written, and account tokens by `[secret]`: a server that prints its
 * environment, or every request, is usual.
 */
export function hiding(
  secrets: readonly string[],
  recent: () => readonly string[] = () => [],
): (text: string) => string {
  const forms = formsOf(secrets);
  return (text) =>
    [...forms, ...formsOf(recent())]
      .reduce((clean, form) => clean.replaceAll(form, "[secret]"), text)
      .replace(ACCOUNT_TOKEN, (_all, name: string, quote = "", end = "") => `${name}${quote}[secret]${end}`);
}

function formsOf(secrets: readonly string[]): readonly string[] {
  return (
    secrets
      .filter(({ length }) => length >= MIN_SECRET)
      .flatMap((value) => {
        const bytes = Buffer.from(value, "utf8");
        return [
          value,
          JSON.stringify(value).slice(1, -1),
          encodeURIComponent(value.toWellFormed()),
          bytes.toString("base64").replace(/=+$/, ""),
          bytes.toString("base64url"),
          bytes.toString("hex"),
          // What is written in several lines is found in each of them.
          ...value.split("\n").filter(({ length }) => length >= MIN_SECRET * 4),
        ];
      })
      // Of two values where one begins with the other, the rest of the longer must not stay.
      .toSorted((a, b) => b.length - a.length)
  );
}

/** The values that were added last, so that a token is known by itself for some time after its call. */
export function createRecent(): { readonly add: (value: string) => void; readonly values: () => readonly string[] } {
  const values = new Set<string>();
  return {
    add(value) {
      values.delete(value);
      values.add(value);
      const [oldest] = values;
      if (values.size > MAX_RECENT && oldest !== undefined) values.delete(oldest);
    },
    values: () => [...values],
  };
}

/** Takes pieces of text as they come. `line` gets at most {@link MAX_LINES} lines per window, and one that counts the others. */
export function stderrLines(
  line: (text: string) => void,
  now: () => number,
  hide: (text: string) => string = (text) => text,
): (piece: string) => void {
  let rest = "";
  let windowEnds = 0;
  let lines = 0;
  let dropped = 0;

  const write = (text: string): void => {
    if (now() >= windowEnds) {
      if (dropped > 0) line(`(${dropped} more lines)`);
      windowEnds = now() + WINDOW_MS;
      lines = 0;
      dropped = 0;
    }
    if (text === "") return;
    if (++lines > MAX_LINES) dropped++;
    else line(hide(text).slice(0, MAX_LINE).replace(UNSAFE, "\u{fffd}").toWellFormed());
  };

  return (piece) => {
    const [first = "", ...more] = piece.split("\n");
    // A line without an end is kept only as far as it is looked through.
    rest = (rest + first).slice(0, MAX_KEPT);
    for (const next of more) {
      write(rest);
      rest = next.slice(0, MAX_KEPT);
    }
  };
}
