/** docs/security/cis.yaml as data, what must be true of it, and its page. Pure: what exists is told from outside. */
import { parse } from "yaml";
import { z } from "zod";
import { cell } from "../markdown.ts";
import type { Control } from "./controls.ts";
import type { KnownTest } from "./list-tests.ts";

const evidence = z.union([
  z.strictObject({ control: z.string() }),
  z.strictObject({ scanner: z.string() }),
  z.strictObject({ test: z.string(), name: z.string() }),
]);
const common = {
  /** `4.1`, or from the first to the last of one section: `1.3.1–1.3.13`. */
  item: z.string().regex(/^\d+(\.\d+)+(–\d+(\.\d+)+)?$/),
  asks: z.string().min(8),
};
const shownBy = z.array(evidence).min(1);
const reason = z.string().min(10);
const item = z.discriminatedUnion("state", [
  z.strictObject({ ...common, state: z.literal("shown"), "shown-by": shownBy }),
  z.strictObject({ ...common, state: z.literal("partly"), "shown-by": shownBy, reason }),
  z.strictObject({ ...common, state: z.literal(["not-ours", "not-run", "not-done"]), reason }),
]);
const benchmark = z.strictObject({
  name: z.string(),
  version: z.string(),
  part: z.string(),
  /** How many there are in the part of the benchmark that is named. */
  recommendations: z.number().int().positive(),
  /** Where the numbers were read. */
  confirmed: z.string().min(10),
  items: z.array(item).min(1),
});
const file = z.strictObject({ benchmarks: z.array(benchmark).min(1), none: z.array(z.string()) });

export type Cis = z.output<typeof file>;
type Item = z.output<typeof item>;
type Evidence = z.output<typeof evidence>;

/** @throws {z.ZodError} when the file has another shape. */
export const readCis = (text: string): Cis => file.parse(parse(text));

const evidenceOf = (entry: Item): readonly Evidence[] =>
  entry.state === "shown" || entry.state === "partly" ? entry["shown-by"] : [];

/** Every number of an item. @returns none for a range that is none */
export function numbersOf(range: string): readonly string[] {
  const [from = "", to = from] = range.split("–");
  const [section, first] = split(from);
  const [other, last] = split(to);
  if (section !== other || last < first) return [];
  return Array.from({ length: last - first + 1 }, (_, index) => `${section}.${first + index}`);
}

function split(number: string): readonly [section: string, last: number] {
  const dot = number.lastIndexOf(".");
  return [number.slice(0, dot), Number(number.slice(dot + 1))];
}

/** What the rules need to know of the world. */
export interface CisWorld {
  readonly tests: readonly KnownTest[];
  readonly controls: readonly Control[];
  readonly scanners: readonly string[];
}

/** Everything that is not as it is said to be, one sentence each. */
export function cisFaults({ benchmarks }: Cis, { tests, controls, scanners }: CisWorld): readonly string[] {
  const missing = (cited: Evidence): string | null => {
    if ("scanner" in cited)
      return scanners.includes(cited.scanner) ? null : `a scanner that is not run: ${cited.scanner}`;
    if ("control" in cited) {
      const status = controls.find(({ id }) => id === cited.control)?.status;
      return status === "implemented" || status === "accepted-risk"
        ? null
        : `a control without tests: ${cited.control}`;
    }
    const known = tests.filter(({ file: path, name }) => path === cited.test && name === cited.name);
    return known.length > 0 && known.every(({ runs }) => runs)
      ? null
      : `a test that does not exist or does not run: ${cited.test} > ${cited.name}`;
  };
  return benchmarks.flatMap(({ name, recommendations, items }) => {
    const numbers = items.flatMap((entry) => numbersOf(entry.item));
    const sections = Map.groupBy(numbers, (number) => split(number)[0]);
    return [
      ...items
        .filter((entry) => numbersOf(entry.item).length === 0)
        .map((entry) => `${name} ${entry.item} is no range`),
      ...(numbers.length === recommendations ? [] : [`${name} has ${numbers.length} of ${recommendations} numbers`]),
      ...numbers
        .filter((number, index) => numbers.indexOf(number) !== index)
        .map((number) => `${name} has ${number} twice`),
      ...[...sections].flatMap(([section, own]) =>
        own
          .map((_, index) => `${section}.${index + 1}`)
          .filter((number) => !own.includes(number) && !sections.has(number))
          .map((number) => `${name} says nothing of ${number}`),
      ),
      ...items.flatMap((entry) =>
        evidenceOf(entry).flatMap((cited) => {
          const why = missing(cited);
          return why === null ? [] : [`${name} ${entry.item} names ${why}`];
        }),
      ),
    ];
  });
}

const STATE: Readonly<Record<Item["state"], string>> = {
  shown: "shown",
  partly: "partly",
  "not-ours": "not ours",
  "not-run": "NOT RUN",
  "not-done": "NOT DONE",
};
const cite = (cited: Evidence): string =>
  "control" in cited
    ? `[${cited.control}](controls.md#${cited.control.toLowerCase()})`
    : "scanner" in cited
      ? `scanner: ${cited.scanner}`
      : `\`${cited.test}\`: ${cell(cited.name)}`;

/** The page. @param note the first line of a generated file */
export function cisPage({ benchmarks, none }: Cis, note: string): string {
  const count = (items: readonly Item[], state: Item["state"]): number =>
    items.filter((entry) => entry.state === state).flatMap((entry) => numbersOf(entry.item)).length;
  const parts = benchmarks.map(({ name, version, part, recommendations, confirmed, items }) => {
    const rows = items.map((entry) => {
      const says = [...evidenceOf(entry).map(cite), ...("reason" in entry ? [cell(entry.reason)] : [])];
      return `| ${entry.item} | ${cell(entry.asks)} | ${STATE[entry.state]} | ${says.join("<br>")} |`;
    });
    const counted = Object.entries(STATE).map(([state, word]) => `${count(items, state as Item["state"])} ${word}`);
    return [
      `## ${name}, version ${version}`,
      "",
      `For ${part}. ${recommendations} recommendations: ${counted.join(", ")}. How the numbers were confirmed: ${confirmed}.`,
      "",
      "| item | what it asks, in our words | | by what, or why not |",
      "|---|---|---|---|",
      ...rows,
      "",
    ].join("\n");
  });
  return `${note}

# CIS benchmarks

Self-assessed, against benchmarks of the Center for Internet Security where there is one for a part. CIS has not looked at it, and its
documents are not copied: what an item asks is our reading. "Shown" means that the named tests exist and run, or that the scanner is one
of those that \`npm run test:scan\` runs; whether they pass is told by running them. NOT RUN is no pass.

No benchmark was found for ${none.slice(0, -1).join(", ")} and ${none.at(-1) ?? ""}; what is asked of Cloudflare's zone is in [IAC-02](controls.md#iac-02).

${parts.join("\n")}`;
}
