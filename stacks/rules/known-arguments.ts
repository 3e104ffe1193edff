/**
 * Every argument is one that the policy knows, and every block is written out. Refuses `dynamic`, `count`, `for_each`, provisioners
 * and expressions in place of blocks by knowing none of them. A state is not judged: it holds whatever a provider adds.
 */
import { isRecord } from "../../contract/json.ts";
import { type PolicyDocument, UNKNOWN } from "../document.ts";
import type { Rule } from "./rule.ts";
import { argumentsOf, META, type Shape } from "./allowed-resources.ts";

const isPlain = (value: unknown): boolean => (Array.isArray(value) ? value.every(isPlain) : !isRecord(value));

/** @param strict false = arguments that the shape does not have belong to the provider. */
function gaps(shape: Shape, value: unknown, path: string, strict: boolean): readonly string[] {
  if (shape === "open" || value === null || value === undefined) return [];
  if (shape === "plain") return strict && !isPlain(value) ? [`${path}: must be plain`] : [];
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items.flatMap((item) => {
    if (!isRecord(item)) return [`${path}: must be written out as a block`];
    const known = Object.keys(item).filter((key) => Object.hasOwn(shape, key));
    const others = strict ? Object.keys(item).filter((key) => !Object.hasOwn(shape, key)) : [];
    return [
      ...others.map((key) => `${path}.${key}: is no argument that the policy knows`),
      ...known.flatMap((key) => gaps(shape[key] ?? "open", item[key], `${path}.${key}`, strict)),
    ];
  });
}

function inSynthesis(document: PolicyDocument): readonly string[] {
  return document.resources.flatMap(({ address, mode, type, values }) => {
    const known = argumentsOf(mode, type);
    return known === null ? [] : gaps({ ...META, ...known }, values, address, true);
  });
}

function inPlan(document: PolicyDocument): readonly string[] {
  return document.configured.flatMap(({ address, mode, type, names, extras }) => {
    const known = argumentsOf(mode, type);
    if (known === null) return [];
    const planned = document.resources.filter((resource) => resource.address === address);
    return [
      ...[...names.filter((name) => !Object.hasOwn(known, name)), ...extras].map(
        (name) => `${address}.${name}: is no argument that the policy knows`,
      ),
      // What is not configured is the provider's to find out.
      ...planned.flatMap(({ values }) =>
        Object.entries(known)
          .filter(([name]) => names.includes(name) || values[name] !== UNKNOWN)
          .flatMap(([name, shape]) => gaps(shape, values[name], `${address}.${name}`, false)),
      ),
    ];
  });
}

export const knownArguments: Rule = {
  name: "known-arguments",
  why: "a rule judges what it can read; what stands behind an expression or an unknown argument reaches the account unread",
  check: (document) => (document.kind === "synth" ? inSynthesis(document) : inPlan(document)),
  examples: {
    accepted: {
      resource: {
        fly_app: {
          app: { name: "mcpist-origin", depends_on: ["fly_app.other"], lifecycle: { prevent_destroy: true } },
        },
      },
    },
    refused: {
      resource: {
        fly_machine: { machine: { dynamic: { service: { for_each: [80], content: { internal_port: 8080 } } } } },
      },
    },
  },
};
