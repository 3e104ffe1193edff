/** A stack has providers, resources, lookups, outputs and an import; no variable, no module, nothing that Terraform must hide. */
import { isRecord } from "../../contract/json.ts";
import { blocks, labelled, type PolicyDocument } from "../document.ts";
import { ELSEWHERE, ZONE_PROTECTION } from "../zone-protection.ts";
import type { Rule } from "./rule.ts";

/** Section → what its blocks may say; null = other rules read it. */
const SECTIONS: Readonly<Record<string, readonly string[] | null>> = {
  "//": null,
  data: null,
  import: ["id", "to"],
  output: ["description", "value"],
  provider: null,
  resource: null,
  terraform: ["//", "backend", "required_providers", "required_version"],
};
const BACKENDS = new Set(["local", "s3"]);

/** What an output gives out is a reference, or the one word that a stack says about its zone. */
const givesOut = (name: string, value: unknown): boolean =>
  String(value).startsWith("${") || (name === ZONE_PROTECTION && value === ELSEWHERE);

function inSynthesis({ raw }: PolicyDocument): readonly string[] {
  const extra = (section: string, block: unknown, at: string) =>
    Object.keys(isRecord(block) ? block : {})
      .filter((key) => SECTIONS[section]?.includes(key) === false)
      .map((key) => `${at}: must not have "${key}"`);
  return [
    ...Object.keys(raw)
      .filter((section) => !Object.hasOwn(SECTIONS, section))
      .map((section) => `${section}: no stack has this section`),
    ...["import", "terraform"].flatMap((section) =>
      blocks(raw, section).flatMap((block) => extra(section, block, section)),
    ),
    ...labelled(raw["output"])
      .filter(([name]) => name !== "//")
      .flatMap(([name, output]) => extra("output", output, `output.${name}`)),
    ...labelled(raw["output"])
      .filter(([name, output]) => name !== "//" && !(isRecord(output) && givesOut(name, output["value"])))
      .map(([name]) => `output.${name}: must say what it gives out by a reference`),
    ...blocks(raw, "terraform")
      .flatMap((block) => labelled(block["backend"]))
      .filter(([name]) => !BACKENDS.has(name))
      .map(([name]) => `backend.${name}: no stack keeps its state there`),
  ];
}

/** What a plan or a state says about the same things, in its own words. */
function inShown({ raw }: PolicyDocument): readonly string[] {
  const at = (...path: readonly string[]) =>
    path.reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), raw);
  const configuration = ["configuration", "root_module"] as const;
  const outputs = [
    ["planned_values", "outputs"],
    ["prior_state", "values", "outputs"],
    ["values", "outputs"],
    [...configuration, "outputs"],
  ];
  return [
    ...[["variables"], [...configuration, "variables"]]
      .flatMap((path) => labelled(at(...path)))
      .map(([name]) => `variable.${name}: no stack has a variable`),
    ...labelled(at(...configuration, "module_calls")).map(([name]) => `module.${name}: no stack has a module`),
    ...["planned_values", "values"]
      .flatMap((values) => labelled(at(values, "root_module")))
      .filter(([key]) => key === "child_modules")
      .map(() => "module: no stack has a module"),
    ...outputs
      .flatMap((path) => labelled(at(...path)))
      .filter(([, output]) => isRecord(output) && output["sensitive"] === true)
      .map(([name]) => `output.${name}: is sensitive, and a state keeps it in clear`),
  ];
}

export const knownSections: Rule = {
  name: "known-sections",
  why: "a variable or a module brings in what no review of this checkout has seen, and a sensitive output is a secret in the state",
  check: (document) => [...new Set(document.kind === "synth" ? inSynthesis(document) : inShown(document))],
  examples: {
    accepted: {
      output: { service_id: { value: "${koyeb_service.service.id}" } },
      terraform: { backend: { local: { path: "a.tfstate" } }, required_providers: {}, required_version: ">= 1.10" },
    },
    refused: { variable: { token: { sensitive: true, default: "…" } }, terraform: {} },
  },
};
