/** GitHub's own description of its API, as types: nothing of it is there at run time. */
import type { components, operations } from "@octokit/openapi-types";

type JsonIn<Part> = Part extends { content: { "application/json": infer Body } } ? Body : never;
type BodyOf<Operation> = Operation extends { requestBody?: infer Body } ? JsonIn<NonNullable<Body>> : undefined;
type StatusOf<Operation> = Operation extends { responses: infer Answers } ? keyof Answers & number : never;
/** docs.github.com, Troubleshooting the REST API: what any call may be answered with, whether or not its operation lists it. */
type AnyCall = 401 | 403 | 404 | 422 | 429;

/**
 * Body and statuses of an operation, for {@link Api.call}: another field or status is an error of the compiler.
 * `Undescribed` is a status that GitHub gives without describing it.
 */
export interface Github<Id extends keyof operations, Undescribed extends number = never> {
  readonly body: BodyOf<operations[Id]>;
  readonly status: StatusOf<operations[Id]> | AnyCall | Undescribed;
}

/** An object that GitHub answers with, for the names of its fields. */
export type GithubObject<Name extends keyof components["schemas"]> = components["schemas"][Name];
