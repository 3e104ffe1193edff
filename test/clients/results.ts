/** The outcomes of a run of the matrix, and the table that is made of them. Pure. */
import type { Outcome } from "./task.ts";
import {
  CLIENTS,
  type ClientVersion,
  type Era,
  idOf,
  meetingsOf,
  type Presentation,
  type Step,
  STEPS,
} from "./versions.ts";

/** One run of one client. */
export interface Result {
  readonly id: string;
  readonly era: Era;
  readonly presentation: Presentation;
  readonly outcomes: readonly Outcome[];
}
export type Results = readonly Result[];

/** What the columns are called. */
const TITLES: Readonly<Record<Step, string>> = {
  signIn: "signs in from nothing",
  list: "lists",
  parallel: "20 calls at once",
  slow: "slow call",
  cancel: "cancels",
  windows: "5 windows at once",
  refresh: "token ends, is renewed",
};
const ERAS: Readonly<Record<Era, string>> = { legacy: "up to 2025-11-25", auto: "2026-07-28" };

function cell(client: ClientVersion, step: Step, outcomes: readonly Outcome[]): string {
  const outcome = outcomes.find((outcome) => outcome.step === step);
  if (!outcome) return "–";
  if (!outcome.ok) return client.faults?.[step] === undefined ? "✗" : "✗ (its own fault)";
  return step === "cancel" ? `✓ ${outcome.detail}` : "✓";
}

/**
 * Markdown, one row for each client and era, in the order of the registry; natively those that were run.
 * @throws {TypeError} when one was not run with the meta tools.
 */
export function tableOf(results: Results): string {
  const rows = meetingsOf(CLIENTS, "all").flatMap(({ client, era, presentation }) => {
    const result = results.find(
      (one) => one.id === idOf(client) && one.era === era && one.presentation === presentation,
    );
    if (!result && presentation === "native") return [];
    if (!result) throw new TypeError(`there is no result of ${idOf(client)} (${era}, ${presentation})`);
    const cells = STEPS.map((step) => cell(client, step, result.outcomes));
    return `| ${[`${client.family} ${client.version}`, ERAS[era], presentation, ...cells].join(" | ")} |`;
  });
  const head = ["client", "revision", "tools", ...STEPS.map((step) => TITLES[step])];
  return [`| ${head.join(" | ")} |`, `|${head.map(() => "---").join("|")}|`, ...rows].join("\n");
}
