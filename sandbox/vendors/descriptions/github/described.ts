/**
 * An excerpt is held against the vendor's own types by the compiler: operations, parameters, fields, enums and statuses that the
 * vendor does not describe are errors. Nothing is needed of them at run time.
 */
import type { paths } from "@octokit/openapi-types";
import type { Operation, Shape } from "../check.ts";

type KeysOf<T> = T extends unknown ? keyof T : never;
type At<T, Key> = T extends unknown ? (Key extends keyof T ? T[Key] : never) : never;
type Scalar = string | number | bigint | boolean;
type IsObject<T> = [Exclude<T, Scalar | readonly unknown[]>] extends [never] ? false : true;

type TextShape<T> = [T] extends [never] ? never : string extends T ? "string" : { readonly enum: readonly T[] };
type ObjectShape<T> =
  | { readonly fields: { readonly [Key in KeysOf<T> & string]?: ShapeOf<At<T, Key>> } }
  | { readonly map: Shape };
/** What an excerpt may say of a value of type `T`. */
type ShapeOf<T> = unknown extends T
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

type Method = "get" | "post" | "put" | "patch" | "delete";
type JsonIn<Part> = Part extends { content: { "application/json": infer Body } } ? Body : never;
type QueryOf<T> = T extends { parameters: { query?: infer Query } } ? NonNullable<Query> : unknown;
type BodyOf<T> = T extends { requestBody?: infer Body } ? JsonIn<NonNullable<Body>> : never;
type StatusOf<T> = T extends { responses: infer Answers } ? keyof Answers & number : never;
type AnswerOf<T> = T extends { responses: infer Answers } ? JsonIn<Answers[keyof Answers & (200 | 201)]> : never;

/** What an excerpt says of an operation of GitHub's. */
interface Excerpt<T> {
  readonly query?: { readonly [Name in keyof QueryOf<T>]?: ShapeOf<QueryOf<T>[Name]> };
  readonly body?: ShapeOf<BodyOf<T>>;
  readonly statuses: readonly StatusOf<T>[];
  readonly answer?: ShapeOf<AnswerOf<T>>;
}

/** What `Said` says and `Described` does not have; deep, and whether it was written there or spread from elsewhere. */
type Exact<Said, Described> = Said extends string | readonly unknown[]
  ? unknown
  : { readonly [Key in keyof Said]: Key extends KeysOf<Described> ? Exact<Said[Key], At<Described, Key>> : never };

/** What every excerpt is at run time. */
type Loose = Partial<Operation> & Pick<Operation, "statuses">;

/** docs.github.com, Troubleshooting the REST API: what any call may be answered with, whether or not its operation lists it. */
const ANY_CALL = [301, 307, 304, 400, 401, 403, 404, 422, 429];

/** An operation of GitHub's REST API. What it says and GitHub's description does not is an error of the compiler. */
export function operation<
  Path extends keyof paths,
  Verb extends Method & keyof paths[Path],
  const Said extends Excerpt<paths[Path][Verb]>,
>(method: Verb, path: Path, said: Said & Exact<Said, Excerpt<paths[Path][Verb]>>): Operation {
  const { query = {}, body, statuses, answer = "any" } = said as Loose;
  return {
    operation: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path,
    query,
    ...(body === undefined ? {} : { body }),
    statuses: [...statuses, ...ANY_CALL],
    answer,
  };
}
