/**
 * Bindings of a deployed Worker, held against those of a plan. Terraform cannot say it: the vendor's provider (5.14 to 5.22 at least)
 * takes a managed binding from its own state when it reads a Worker, so a plan is empty although someone changed or removed one by
 * hand. What is bound beside the plan is not looked at: the provider does see that, and secrets are none of Terraform's. Pure.
 */
import { isDeepStrictEqual } from "node:util";
import { blocks, type PolicyDocument } from "./document.ts";

type Json = Readonly<Record<string, unknown>>;

/** A Worker in a plan. */
export interface PlannedWorker {
  readonly accountId: string;
  readonly name: string;
  readonly bindings: readonly Json[];
}

/** The Workers that a plan, or a state, describes. */
export const plannedWorkers = ({ resources }: PolicyDocument): readonly PlannedWorker[] =>
  resources
    .filter(({ mode, type }) => mode === "managed" && type === "cloudflare_workers_script")
    .map(({ values }) => ({
      accountId: String(values["account_id"]),
      name: String(values["script_name"]),
      bindings: blocks(values, "bindings"),
    }));

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
