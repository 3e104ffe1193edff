/** Reading of vendor answers: what is missing or of another type is an error that names the field, never `undefined` at work. */
import { McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { isRecord } from "../../contract/json.ts";

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** Not what the platform documents: something in between may have answered, as the sign-in page of a network does. */
const strange = (message: string): McpistError =>
  new McpistError("ERR_VENDOR", message, { hint: HINTS.strangeAnswer() });

/** @throws {McpistError} ERR_VENDOR when `value` is not an object. */
export function asObject(value: unknown, what: string): Json {
  if (isRecord(value)) return value;
  throw strange(`${what} is not the JSON object that was expected`);
}

/** Text at `key`. @throws {McpistError} ERR_VENDOR. */
export function textAt(value: unknown, key: string, what: string): string {
  const found = asObject(value, what)[key];
  if (typeof found === "string") return found;
  throw strange(`${what} has no text "${key}"`);
}

/** Objects at `key`. @throws {McpistError} ERR_VENDOR when it is no array; a vendor's `null` for "none" counts as empty. */
export function listAt(value: unknown, key: string, what: string): readonly Json[] {
  const found = asObject(value, what)[key];
  if (found === null) return [];
  if (Array.isArray(found)) return found.map((entry) => asObject(entry, `${what} ${key}`));
  throw strange(`${what} has no list "${key}"`);
}
