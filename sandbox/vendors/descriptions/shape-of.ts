/**
 * An excerpt is held against the vendor's own types by the compiler: parameters, fields and enums that the vendor does not describe
 * are errors. Types only.
 */
import type { Operation, Shape } from "./check.ts";

export type KeysOf<T> = T extends unknown ? keyof T : never;
type At<T, Key> = T extends unknown ? (Key extends keyof T ? T[Key] : never) : never;
type Scalar = string | number | bigint | boolean;
type IsObject<T> = [Exclude<T, Scalar | readonly unknown[]>] extends [never] ? false : true;

type TextShape<T> = [T] extends [never] ? never : string extends T ? "string" : { readonly enum: readonly T[] };
type ObjectShape<T> =
  | { readonly fields: { readonly [Key in KeysOf<T> & string]?: ShapeOf<At<T, Key>> } }
  | { readonly map: Shape };
/** What an excerpt may say of a value of type `T`. */
export type ShapeOf<T> = unknown extends T
  ? Shape
  :
      | "any"
      | TextShape<Extract<T, string>>
      | (Extract<T, number | bigint> extends never ? never : "number")
      | (Extract<T, boolean> extends never ? never : "boolean")
      | (Extract<NonNullable<T>, readonly unknown[]> extends readonly (infer Item)[] ? ListShape<Item, T> : never)
      | (IsObject<NonNullable<T>> extends true
          ? ObjectShape<Exclude<NonNullable<T>, Scalar | readonly unknown[]>>
          : never);
type ListShape<Item, T> = [Extract<NonNullable<T>, readonly unknown[]>] extends [never]
  ? never
  : { readonly list: ShapeOf<Item> };

/** What `Said` says and `Described` does not have; deep, and whether it was written there or spread from elsewhere. */
export type Exact<Said, Described> = Said extends string | readonly unknown[]
  ? unknown
  : { readonly [Key in keyof Said]: Key extends KeysOf<Described> ? Exact<Said[Key], At<Described, Key>> : never };

/** What every excerpt is at run time. */
export type Loose = Partial<Operation> & Pick<Operation, "statuses">;
