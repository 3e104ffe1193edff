/** A recording of a terminal as asciicast 2, and as a picture that plays it. Pure. */

/** A line that a program printed. Unit: seconds since its start. */
export interface Line {
  readonly at: number;
  readonly text: string;
}

const LEAST_COLUMNS = 80;
/** A longer silence is shown as this one. Unit: seconds. */
const LONGEST_PAUSE = 2;
const HEIGHT = 17;
const WIDTH = 7.25;
const MARGIN = 16;

const columnsOf = (lines: readonly Line[]): number =>
  lines.reduce((most, { text }) => Math.max(most, text.length), LEAST_COLUMNS);

/** @returns one JSON line for the head and one for every line. */
export function writeCast(lines: readonly Line[]): string {
  const head = {
    version: 2,
    width: columnsOf(lines),
    height: lines.length + 1,
    idle_time_limit: LONGEST_PAUSE,
    title: "mcpist demo",
  };
  return [head, ...lines.map(({ at, text }) => [Number(at.toFixed(3)), "o", `${text}\r\n`])]
    .map((entry) => `${JSON.stringify(entry)}\n`)
    .join("");
}

/** @throws {TypeError} for what is no recording of whole lines. */
export function readCast(cast: string): readonly Line[] {
  const [head = "{}", ...events] = cast.trimEnd().split("\n");
  if ((JSON.parse(head) as { readonly version?: number }).version !== 2) throw new TypeError("this is no asciicast 2");
  return events.map((event) => {
    const [at, kind, text] = JSON.parse(event) as readonly [number, string, string];
    if (kind !== "o" || !text.endsWith("\r\n")) throw new TypeError("this is no recording of whole lines");
    return { at, text: text.slice(0, -2) };
  });
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** When each line appears, long silences shortened. Unit: seconds. */
function times(lines: readonly Line[]): readonly number[] {
  let before = 0;
  let shown = 0;
  return lines.map(({ at }) => {
    shown += Math.min(at - before, LONGEST_PAUSE);
    before = at;
    return shown;
  });
}

/** Lines appear one after another, as they did; with reduced motion all are there at once. */
export function recordingPicture(lines: readonly Line[]): string {
  const width = Math.ceil(columnsOf(lines) * WIDTH + 2 * MARGIN);
  const height = lines.length * HEIGHT + 2 * MARGIN;
  const at = times(lines);
  const rows = lines.map(({ text }, index) => {
    const [, mark = "", rest = text] = /^(done|note|wait|\$)(?= )(.*)$/.exec(text) ?? [];
    const marked =
      mark === "" ? escaped(rest) : `<tspan class="${mark === "$" ? "done" : mark}">${mark}</tspan>${escaped(rest)}`;
    const y = MARGIN + HEIGHT * index + 12;
    return `  <text x="${MARGIN}" y="${y}" style="animation-delay: ${(at[index] ?? 0).toFixed(1)}s">${marked}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title>A recording of npm run demo: the gateway secret is rotated under live traffic, and no request fails</title>
<style>
  rect { fill: #f6f8fa; stroke: #d1d9e0; }
  text { fill: #1f2328; font: 12px ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; white-space: pre; animation: appear 0.01s both; }
  .done { fill: #1a7f37; }
  .note { fill: #9a6700; }
  .wait { fill: #59636e; }
  @keyframes appear { from { opacity: 0; } to { opacity: 1; } }
  @media (prefers-reduced-motion: reduce) { text { animation: none; } }
  @media (prefers-color-scheme: dark) {
    rect { fill: #0d1117; stroke: #3d444d; }
    text { fill: #e6edf3; }
    .done { fill: #3fb950; }
    .note { fill: #d29922; }
    .wait { fill: #9198a1; }
  }
</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
${rows.join("\n")}
</svg>
`;
}
