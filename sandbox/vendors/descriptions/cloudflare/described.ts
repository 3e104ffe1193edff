/**
 * Operations of Cloudflare's API by the methods of the vendor's own client: parameters and results that the method does not have
 * are errors of the compiler. Nothing of the client is there at run time.
 */
import type { Cloudflare } from "cloudflare";
import type { Operation, Shape } from "../check.ts";
import type { Exact, KeysOf, Loose, ShapeOf } from "../shape-of.ts";

/** The vendor's client, whose methods name the operations. */
export type Client = Cloudflare;

type Method = (...args: never[]) => unknown;
type Scope = "account_id" | "zone_id";
/** The argument that has the parameters: the one that says which account or zone is meant, or none. */
type WithScope<T> = T extends object ? (Extract<keyof T, Scope> extends never ? never : T) : never;
type ParamsOf<Call extends Method> = WithScope<Parameters<Call>[number]>;
type Items<Item> = readonly Item[] | { readonly items: readonly Item[] };
type ResultOf<Call extends Method> =
  ReturnType<Call> extends AsyncIterable<infer Item> ? Item | Items<Item> : Awaited<ReturnType<Call>>;
type QueryOf<Call extends Method> = { readonly [Name in KeysOf<ParamsOf<Call>> & string]?: Shape };
type BodyOf<Call extends Method> = ParamsOf<Call> extends { body: infer Body } ? Body : ParamsOf<Call>;

interface Excerpt<Call extends Method> {
  readonly query?: QueryOf<Call>;
  readonly body?: ShapeOf<BodyOf<Call>>;
  readonly statuses?: readonly number[];
  readonly result?: ShapeOf<ResultOf<Call>>;
}

/** What the client makes an error of, and what a call may be answered with when it is not understood. */
const ANY_CALL = [400, 401, 403, 404, 405, 409, 412, 413, 415, 429, 500];
const PROBLEM = { fields: { code: "number", message: "string" } } as const;
const INFO = {
  fields: {
    page: "number",
    per_page: "number",
    count: "number",
    total_count: "number",
    total_pages: "number",
    cursor: "string",
  },
} as const;

/** The envelope around every result. */
export const enveloped = (result: Shape): Shape => ({
  fields: {
    success: "boolean",
    errors: { list: PROBLEM },
    messages: { list: PROBLEM },
    result,
    result_info: INFO,
  },
});

/** An operation by the method that makes it. What is said and the method does not have is an error of the compiler. */
export const operation =
  <Call extends Method>() =>
  <const Said extends Excerpt<Call>>(
    method: string,
    path: string,
    said: Said & Exact<Said, Excerpt<Call>>,
  ): Operation => {
    const { query = {}, body, statuses = [200], result = "any" } = said as Partial<Loose> & { readonly result?: Shape };
    return {
      operation: `${method} ${path}`,
      method,
      path: `/client/v4${path}`,
      query,
      ...(body === undefined ? {} : { body }),
      statuses: [...statuses, ...ANY_CALL],
      answer: enveloped(result),
    };
  };
