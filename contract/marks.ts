/**
 * A mark is a public random word that is written beside a secret with every put: an origin reports the marks that it booted with,
 * so that everybody can see which write an instance runs with. It says nothing about the value.
 */
import { isRecord } from "./json.ts";

/** 16 lower-case hex characters. */
const MARK = /^[0-9a-f]{16}$/;
const SECRET_NAME = /^[A-Z][A-Z0-9_]{0,63}$/;
const SUFFIX = "_MARK";
/** More secrets than any installation has. */
const MAX_MARKS = 64;

/** Content of a mark before the first put: a platform needs some value for a name that is referenced. */
export const NO_MARK = "0000000000000000";

/** Marks by name of the secret; null = the name is there, and nothing was put yet. */
export type Marks = Readonly<Record<string, string | null>>;

/** Variable that carries the mark of a secret. */
export const markVariable = (secret: string): string => `${secret}${SUFFIX}`;

/** The marks that a process was started with. What is no mark counts as none: a bad mark must not keep an origin from starting. */
export function marksIn(env: Readonly<Record<string, unknown>>): Marks {
  const found = Object.entries(env).flatMap(([variable, text]) => {
    const name = variable.endsWith(SUFFIX) ? variable.slice(0, -SUFFIX.length) : "";
    if (typeof text !== "string" || !SECRET_NAME.test(name)) return [];
    return [[name, MARK.test(text) && text !== NO_MARK ? text : null] as const];
  });
  return Object.fromEntries(found.slice(0, MAX_MARKS));
}

/** The marks alone: what a party that anybody may ask says, because names of secrets are nobody's business. */
export const markList = (env: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.values(marksIn(env)).filter((mark) => mark !== null);

/** @returns undefined when `value` is not exactly a {@link markList}. */
export const parseMarkList = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) &&
  value.length <= MAX_MARKS &&
  value.every((mark) => typeof mark === "string" && MARK.test(mark))
    ? (value as readonly string[])
    : undefined;

/** @returns undefined when `value` is not exactly what an origin reports as its marks. */
export function parseMarks(value: unknown): Marks | undefined {
  if (!isRecord(value)) return undefined;
  const entries = Object.entries(value);
  const good = entries.every(
    ([name, mark]) => SECRET_NAME.test(name) && (mark === null || (typeof mark === "string" && MARK.test(mark))),
  );
  return good && entries.length <= MAX_MARKS ? (value as Marks) : undefined;
}
