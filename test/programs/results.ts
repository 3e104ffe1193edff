/** What the vendors' programs made of the sandbox, and the table that is made of it. Pure. */

/**
 * `works`: exit code 0, and nothing was asked for that is not imitated. `partly`: exit code 0 although something was. `refused`: the
 * vendor's error shape, told by the program. `own`: the program refuses by itself. `broken`: it crashed or did not end.
 */
export type Outcome = "works" | "partly" | "refused" | "own" | "broken";

/** One program; without a version it was not there. */
export interface Result {
  readonly program: string;
  readonly version: string | null;
  readonly commands: readonly { readonly name: string; readonly outcome: Outcome }[];
}

/** What a run of a command came to. */
export interface Seen {
  readonly exitCode: number | undefined;
  readonly text: string;
  /** Calls meanwhile that are not imitated. */
  readonly unknown: number;
}

/** Words of a program that fell over, in Go and in JavaScript. */
const CRASH =
  /^panic: |goroutine \d+ \[|^\s+at \S+ \(.*:\d+:\d+\)$|\b(Type|Reference)Error: |Cannot read properties of /m;

/** @returns what it is called. */
export function outcomeOf({ exitCode, text, unknown }: Seen): Outcome {
  if (exitCode === undefined || CRASH.test(text)) return "broken";
  if (exitCode === 0) return unknown === 0 ? "works" : "partly";
  return unknown === 0 ? "own" : "refused";
}

const COLUMNS: readonly (readonly [Outcome, string])[] = [
  ["works", "works"],
  ["partly", "works, and something is missing"],
  ["refused", "answered in the vendor's error shape, and counted"],
  ["own", "refuses by itself"],
  ["broken", "breaks"],
];

/** Markdown: one row for each program. */
export function tableOf(results: readonly Result[]): string {
  const shown = COLUMNS.filter(([outcome]) =>
    results.some(({ commands }) => commands.some((c) => c.outcome === outcome)),
  );
  const rows = results.map(({ program, version, commands }) => {
    const cells = shown.map(([outcome]) => {
      const names = commands.filter((command) => command.outcome === outcome).map(({ name }) => `\`${name}\``);
      return names.length === 0 ? "–" : names.join(", ");
    });
    return version === null
      ? `| ${program} | ${shown.map((_, i) => (i === 0 ? "NOT RUN: it is not installed" : "–")).join(" | ")} |`
      : `| ${program} ${version} | ${cells.join(" | ")} |`;
  });
  const head = ["program", ...shown.map(([, title]) => title)];
  return [`| ${head.join(" | ")} |`, `|${head.map(() => "---").join("|")}|`, ...rows].join("\n");
}
