/**
 * An expression refers to something, and computes nothing: a text can be taken apart and put together again by functions and
 * templates, or read from a file, so that no other rule would see it. A plan and a state hold results, which are read as they are.
 */
import { strings } from "../document.ts";
import type { Rule } from "./rule.ts";

/** What the stacks call; neither makes a text. */
const FUNCTIONS = new Set(["alltrue", "try"]);
/**
 * Where the tag that is live chooses among texts that are written out (stacks/edge.ts): steps of Durable Object migrations, which
 * name classes and reach nothing else.
 */
const CHOOSES = new Set(["concat", "jsondecode", "lookup"]);
const CHOICES = /^resource\.(terraform_data\.upload\.input|cloudflare_workers_script\.[\w-]+\.migrations)$/;
const BEGINS = /[$%]\{/;

/** References, with commas between them. */
const REFERENCES = /^\$\{[a-z]\w*(\.[\w-]+)+\}(,\$\{[a-z]\w*(\.[\w-]+)+\})*$/;

/** What is wrong with an expression; null = nothing. */
function fault(path: string, text: string): string | null {
  if (REFERENCES.test(text)) return null;
  const inside = /^\$\{([^]*)\}$/.exec(text)?.[1];
  if (inside === undefined || BEGINS.test(inside)) return "puts a text together";
  if (/\\[uU]|<</.test(inside)) return "hides a text";
  const outsideOfTexts = inside.replaceAll(/"(?:[^"\\]|\\.)*"/g, "");
  const called = [...outsideOfTexts.matchAll(/([A-Za-z_]\w*)\s*\(/g)].map(([, name = ""]) => name);
  const unknown = called.find((name) => !FUNCTIONS.has(name) && !(CHOICES.test(path) && CHOOSES.has(name)));
  return unknown === undefined ? null : `calls ${unknown}()`;
}

export const plainExpressions: Rule = {
  name: "plain-expressions",
  why: "what an expression computes is seen by nobody before it is in the state",
  check: ({ kind, raw }) =>
    kind !== "synth"
      ? []
      : [...strings(raw)]
          .filter(([, text]) => BEGINS.test(text))
          .flatMap(([path, text]) => {
            const isKey = path.at(-1) === text;
            const found = isKey ? "is a computed name" : fault(path.join("."), text);
            return found === null ? [] : [`${path.join(".")}: ${found}`];
          }),
  examples: {
    accepted: {
      output: {
        domain: { value: '${try(koyeb_app.app.domains[0].name, "")}' },
        machine_ids: { value: "${fly_machine.machine-1.id},${fly_machine.machine-2.id}" },
      },
    },
    refused: { resource: { fly_machine: { machine: { env: { PORT: '${file("/run/secrets/token")}' } } } } },
  },
};
