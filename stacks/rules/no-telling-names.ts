/** Nothing that is called a secret has a value, whatever the value looks like. Names of Koyeb secrets are names. */
import { isRecord } from "../../contract/json.ts";
import type { Rule } from "./rule.ts";

const TELLING =
  /passw(or)?d|passphrase|secret|token|api_?key|access_?key|private_?key|state_key|database_url|credential|\bpem|_pem|^(raw|plaintext|encrypted)_value$|^key_(base64|jwk)$/i;
/** Pairs of a name and a value in one object: Koyeb's and GitHub's variables, bindings of a Worker. */
const NAMES = ["key", "name", "variable_name"];
const VALUES = new Set(["json", "text", "value"]);
/** What `mcpist secrets` calls a secret of an organisation at Koyeb. */
const KOYEB_NAME = /^mcpist-[a-z0-9-]+$/;

/** True for a text, or a list with one, that is no reference. */
const isLiteral = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.some(isLiteral)
    : typeof value === "string" && value !== "" && !/^\$\{[^]*\}$/.test(value);

/** A plan writes an argument as an object around its value, a plan and a state an output. */
function unwrapped(value: unknown): unknown {
  const wrapper = isRecord(value) ? ["constant_value", "value"].find((key) => key in value) : undefined;
  return isRecord(value) && wrapper !== undefined ? value[wrapper] : value;
}

/** What a text says when it is an object in JSON; the text itself otherwise. */
function opened(value: unknown): unknown {
  if (typeof value !== "string" || !value.startsWith("{")) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

function* values(value: unknown, path: readonly string[]): Generator<string> {
  const inside = opened(value);
  if (Array.isArray(inside))
    for (const [index, item] of inside.entries()) yield* values(item, [...path, String(index)]);
  if (!isRecord(inside)) return;
  const name = NAMES.map((key) => inside[key]).find((text) => typeof text === "string" && TELLING.test(text));
  for (const [key, item] of Object.entries(inside)) {
    const given = unwrapped(item);
    const telling = TELLING.test(key) && !(key === "secret" && KOYEB_NAME.test(String(given)));
    if (isLiteral(given) && (telling || (name !== undefined && VALUES.has(key)))) yield [...path, key].join(".");
    yield* values(item, [...path, key]);
  }
}

export const noTellingNames: Rule = {
  name: "no-telling-names",
  why: "a password has no form of its own; only its name says what it is",
  check: ({ raw }) => [...values(raw, [])].map((path) => `${path}: is called a secret and has a value`),
  examples: {
    accepted: {
      resource: {
        koyeb_service: {
          service: { definition: [{ env: [{ key: "DATABASE_URL", secret: "mcpist-x-database-url" }] }] },
        },
      },
    },
    refused: { resource: { fly_machine: { machine: { env: { DB_PASSWORD: "…" } } } } },
  },
};
