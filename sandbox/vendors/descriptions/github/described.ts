/**
 * An excerpt is held against the vendor's own types by the compiler: operations, parameters, fields, enums and statuses that the
 * vendor does not describe are errors. Nothing is needed of them at run time.
 */
import type { paths } from "@octokit/openapi-types";
import type { Operation } from "../check.ts";
import type { Exact, Loose, ShapeOf } from "../shape-of.ts";

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
