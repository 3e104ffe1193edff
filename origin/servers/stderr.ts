/** What a child writes to standard error, as bounded log lines. Anybody's words: escaped, cut, and counted when there are too many. */

/** Unit: UTF-16 code units. */
const MAX_LINE = 500;
const MAX_LINES = 20;
const WINDOW_MS = 10_000;

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Takes pieces of text as they come. `line` gets at most {@link MAX_LINES} lines per window, and one that counts the others. */
export function stderrLines(line: (text: string) => void, now: () => number): (piece: string) => void {
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
    else line(text.slice(0, MAX_LINE).replace(UNSAFE, "\u{fffd}").toWellFormed());
  };

  return (piece) => {
    const [first = "", ...more] = piece.split("\n");
    // A line without an end is kept only as far as it would be shown.
    rest = (rest + first).slice(0, MAX_LINE + 1);
    for (const next of more) {
      write(rest);
      rest = next.slice(0, MAX_LINE + 1);
    }
  };
}
