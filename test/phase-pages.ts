/**
 * The pages about phases, made from the table that the command line obeys (cli/secrets/phases/).
 *
 *   node test/phase-pages.ts     writes them again
 */
import { readFile, writeFile } from "node:fs/promises";
import { PHASE_NAMES, type Phase, type PhaseName } from "../cli/secrets/phase.ts";
import { ACTIONS } from "../cli/secrets/phases/actions.ts";
import { decide, FRESH, type Intent, type Memory } from "../cli/secrets/phases/decide.ts";
import { PHASES } from "../cli/secrets/phases/table.ts";

const phase = (name: PhaseName, uploadDiffers: boolean): Phase => ({
  name,
  live: "live",
  other: "other",
  complete: true,
  uploadDiffers,
  parties: [],
  targets: [],
  versions: ["v"],
});
/** What a run may remember when it meets a phase. */
const MEMORIES: readonly Memory[] = [
  { ...FRESH, adopts: true },
  { ...FRESH, candidate: "held", mine: true },
  { ...FRESH, candidate: "wiped", mine: true, switched: true },
];
const INTENTS: readonly Intent[] = ["rotate", "clean", "init"];

/** Every edge that a run can walk: from, action, to. */
function edges(): readonly string[] {
  const found = new Set<string>();
  for (const intent of INTENTS)
    for (const name of PHASE_NAMES)
      for (const memory of MEMORIES) {
        const from = phase(name, false);
        const decision = decide(from, intent, memory);
        if (decision.kind !== "do") continue;
        const to = ACTIONS[decision.action].leads(from).name;
        const by = intent === "rotate" ? decision.action : `${decision.action} (--${intent})`;
        // --clean does what a plain run does wherever nothing can be given up.
        const same = intent !== "rotate" && found.has(`    ${name} --> ${to}: ${decision.action}`);
        if (to !== name && !same) found.add(`    ${name} --> ${to}: ${by}`);
      }
  return [...found];
}

/** Phases in which a run stops and says what a person has to do. */
const stops = PHASE_NAMES.filter((name) =>
  MEMORIES.every((memory) => decide({ ...phase(name, false), versions: [] }, "rotate", memory).kind === "stop"),
);

/** The diagram for docs/rotation.md. */
export const diagram = (): string =>
  [
    "```mermaid",
    "stateDiagram-v2",
    ...edges(),
    "```",
    "",
    `A run stops in ${stops.join(", ")}, and says who has to do what.`,
    "Wherever the latest upload does not carry the live secret, the deployed code is uploaded again first. After ASTRAY, UNDONE and",
    "SPLIT the run goes on from what was underneath.",
  ].join("\n");

/** The table for docs/runbooks/rotation.md. */
export const table = (): string =>
  [
    "| phase | meaning | needs | do |",
    "|---|---|---|---|",
    ...PHASE_NAMES.map((name) => {
      const { meaning, needs, advice } = PHASES[name];
      return `| ${name} | ${meaning} | ${needs} | ${advice} |`;
    }),
  ].join("\n");

/** Pages with what stands between their markers. */
export const PAGES: Readonly<Record<string, () => string>> = {
  "docs/rotation.md": diagram,
  "docs/runbooks/rotation.md": table,
};
const BEGIN = "<!-- phases: begin, made by test/phase-pages.ts -->";
const END = "<!-- phases: end -->";

/** The page with its part made anew. @throws {TypeError} when it has no markers. */
export function renewed(page: string, part: string): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new TypeError("the page has no place for phases");
  return `${before}${BEGIN}\n${part}\n${END}${after}`;
}

if (import.meta.main)
  for (const [path, part] of Object.entries(PAGES)) {
    const url = new URL(`../${path}`, import.meta.url);
    await writeFile(url, renewed(await readFile(url, "utf8"), part()));
  }
