/**
 * Bindings of a deployed Worker, held against those of a plan. Terraform cannot say it: the vendor's provider (5.14 to 5.22 at least)
 * takes a managed binding from its own state when it reads a Worker, so a plan is empty although someone changed or removed one by
 * hand. What is bound beside the plan is not looked at: the provider does see that, and secrets are none of Terraform's. Pure.
 */
import { isDeepStrictEqual } from "node:util";
import { isRecord } from "../contract/json.ts";
import { blocks, type PolicyDocument, UNKNOWN } from "./document.ts";

type Json = Readonly<Record<string, unknown>>;

/** A Worker in a plan. */
export interface PlannedWorker {
  readonly accountId: string;
  readonly name: string;
  readonly bindings: readonly Json[];
  /** How it runs: compatibility date, logs. */
  readonly settings: Json;
}

/** Settings of a Worker that the stacks say. */
const SETTINGS = ["compatibility_date", "observability"] as const;
/** Settings that none of our plans says: another behaviour of the runtime, and who else reads every request. */
const UNPLANNED = ["compatibility_flags", "tail_consumers", "logpush"] as const;

/** The Workers that a plan, or a state, describes. */
export const plannedWorkers = ({ resources }: PolicyDocument): readonly PlannedWorker[] =>
  resources
    .filter(({ mode, type }) => mode === "managed" && type === "cloudflare_workers_script")
    .map(({ values }) => ({
      accountId: String(values["account_id"]),
      name: String(values["script_name"]),
      bindings: blocks(values, "bindings"),
      settings: Object.fromEntries([...SETTINGS, ...UNPLANNED].map((name) => [name, values[name]])),
    }));

/** What is said as planned; what is left open may be anything. */
const agrees = (planned: unknown, live: unknown): boolean =>
  planned === null || planned === undefined || planned === UNKNOWN
    ? true
    : isRecord(planned)
      ? Object.entries(planned).every(([key, value]) => agrees(value, isRecord(live) ? live[key] : undefined))
      : isDeepStrictEqual(planned, live) || ((planned === false || planned === 0) && (live ?? null) === null);

const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || value === false || (Array.isArray(value) && value.length === 0);

/**
 * @param live settings of the script, as the API has them.
 * @returns one sentence per setting that is not as planned, never a value.
 */
export function settingDrift({ name, settings }: PlannedWorker, live: Json): readonly string[] {
  const wrong = [
    ...SETTINGS.filter((setting) => !agrees(settings[setting], live[setting])),
    ...UNPLANNED.filter((setting) => isNothing(settings[setting]) && !isNothing(live[setting])),
  ];
  return wrong.map((setting) => `Worker ${name} has another ${setting}`);
}

/** @returns one sentence per binding that is not as planned: its name and what differs, never a value. */
export function bindingDrift(planned: readonly Json[], live: readonly Json[]): readonly string[] {
  return planned.flatMap((binding) => {
    const name = String(binding["name"]);
    const bound = live.find((candidate) => candidate["name"] === name);
    if (!bound) return [`binding ${name} is missing`];
    const differing = Object.entries(binding).filter(
      ([key, value]) => value !== null && !isDeepStrictEqual(value, bound[key]),
    );
    return differing.length === 0 ? [] : [`binding ${name} has another ${differing.map(([key]) => key).join(", ")}`];
  });
}
