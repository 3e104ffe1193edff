/** Reading what a vendor or Terraform sent, without trusting its shape. */
import { isRecord } from "../../../contract/json.ts";

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** The object, or an empty one. */
export const record = (value: unknown): Json => (isRecord(value) ? value : {});
/** The objects of a list, or none. */
export const records = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.filter(isRecord) : []);
/** Terraform knows null, and no undefined. */
export const orNull = (value: unknown): unknown => value ?? null;

/** Without null: an API would take it for a wish. */
export function compact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(compact);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([key, item]) => [key, compact(item)]),
  );
}
