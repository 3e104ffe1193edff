/**
 * Values as Terraform sends them to a provider: MessagePack with one extension, "not known yet". Pure.
 * Sets are lists here; the order of a set means nothing and is never relied on.
 */
import { isDeepStrictEqual } from "node:util";
import { decode, encode, ExtensionCodec } from "@msgpack/msgpack";

/** A value that only an apply will know. */
export const UNKNOWN = Symbol("unknown");
/** Attributes of a resource, or one of its blocks. */
export type Values = Readonly<Record<string, unknown>>;

/** The codec asks about objects only, and a symbol is none. */
const MARK: object = { unknown: true };

const codec = new ExtensionCodec();
// Type 0 is unknown; type 12 is unknown with hints, which are only hints.
codec.register({ type: 0, encode: (value) => (value === MARK ? new Uint8Array([0]) : null), decode: () => UNKNOWN });
codec.register({ type: 12, encode: () => null, decode: () => UNKNOWN });

interface DynamicValue {
  readonly msgpack?: Uint8Array;
  readonly json?: Uint8Array;
}

/** @returns null for an absent object. */
export function fromWire(value: DynamicValue | null | undefined): Values | null {
  if (value?.msgpack?.length) return decode(value.msgpack, { extensionCodec: codec }) as Values | null;
  if (value?.json?.length) return JSON.parse(Buffer.from(value.json).toString()) as Values | null;
  return null;
}

/** For an answer. */
export const toWire = (values: Values | null): DynamicValue => ({
  msgpack: encode(wrapped(values), { extensionCodec: codec }),
});

function wrapped(value: unknown): unknown {
  if (value === UNKNOWN) return MARK;
  if (Array.isArray(value)) return value.map(wrapped);
  if (typeof value === "object" && value !== null && !(value instanceof Uint8Array))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, wrapped(item)]));
  return value;
}

/** True when nothing would change. */
export const equal = (a: unknown, b: unknown): boolean => isDeepStrictEqual(a, b);
