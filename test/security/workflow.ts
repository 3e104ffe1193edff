/** Reads a GitHub Actions workflow as far as the policy needs it: jobs, steps, and every text in them. Judges nothing. */
import { parse } from "yaml";
import { isRecord } from "../../contract/json.ts";

type Node = Readonly<Record<string, unknown>>;

export interface Step {
  /** "step 2", for findings; never a text of the file. */
  readonly place: string;
  readonly node: Node;
  readonly uses: string | null;
  readonly run: string | null;
  readonly with: Node;
  readonly env: Node;
}

export interface Job {
  readonly name: string;
  readonly node: Node;
  readonly steps: readonly Step[];
}

export interface Workflow {
  readonly text: string;
  readonly node: Node;
  /** Names of the events that start it. */
  readonly events: readonly string[];
  readonly jobs: readonly Job[];
}

const nodeOf = (value: unknown): Node => (isRecord(value) ? value : {});
const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);

function eventsOf(on: unknown): readonly string[] {
  if (typeof on === "string") return [on];
  return Array.isArray(on) ? on.map(String) : Object.keys(nodeOf(on));
}

/** @throws when the text is no YAML or has no jobs: a workflow that cannot be read was not judged. */
export function readWorkflow(text: string): Workflow {
  const node = nodeOf(parse(text));
  const jobs = Object.entries(nodeOf(node["jobs"])).map(([name, job]): Job => {
    const steps = Array.isArray(nodeOf(job)["steps"]) ? (nodeOf(job)["steps"] as readonly unknown[]) : [];
    return {
      name,
      node: nodeOf(job),
      steps: steps.map((step, index): Step => {
        const own = nodeOf(step);
        return {
          place: `${name}, step ${index + 1}`,
          node: own,
          uses: textOf(own["uses"]),
          run: textOf(own["run"]),
          with: nodeOf(own["with"]),
          env: nodeOf(own["env"]),
        };
      }),
    };
  });
  if (jobs.length === 0) throw new TypeError("this is no workflow: it has no jobs");
  return { text, node, events: eventsOf(node["on"]), jobs };
}

/** Every text inside a value, with its path. */
export function textsIn(value: unknown, path = ""): readonly (readonly [path: string, text: string])[] {
  if (typeof value === "string") return [[path, value]];
  if (Array.isArray(value)) return value.flatMap((item, index) => textsIn(item, `${path}[${index}]`));
  if (isRecord(value))
    return Object.entries(value).flatMap(([key, item]) => [
      [path, key] as const,
      ...textsIn(item, path === "" ? key : `${path}.${key}`),
    ]);
  return [];
}

/** Texts of a workflow or a part of it that contain an expression in which `pattern` occurs. */
export const expressionsIn = (value: unknown, pattern: RegExp): readonly string[] =>
  textsIn(value)
    .filter(([, text]) => [...text.matchAll(/\$\{\{([\s\S]*?)\}\}/g)].some(([, inner]) => pattern.test(inner ?? "")))
    .map(([path]) => path);

/** A mapping without one of its keys. */
export const without = (node: Node, key: string): Node =>
  Object.fromEntries(Object.entries(node).filter(([name]) => name !== key));
