/**
 * Answers as GitHub's own description of its API has them: a field that is missing, wrong or too much and a status that an operation
 * does not have are errors of the compiler. Nothing of the description is there at run time.
 */
import type { Context } from "hono";
import type { components, operations } from "@octokit/openapi-types";

/** An object of the description. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

type JsonIn<Part> = Part extends { content: { "application/json": infer Body } } ? Body : never;
type Answers<Id extends keyof operations> = operations[Id]["responses"];
type Good<Id extends keyof operations> = keyof Answers<Id> & (200 | 201);
type WithoutContent = { [Id in keyof operations]: Answers<Id> extends { 204: unknown } ? Id : never }[keyof operations];

/** A good answer of operation `Id`. */
export const reply = <Id extends keyof operations>(
  c: Context,
  body: JsonIn<Answers<Id>[Good<Id>]>,
  status: Good<Id>,
): Response => c.json(body as object, status);

/** The 204 of an operation. */
export const done = (c: Context, _operation: WithoutContent): Response => c.body(null, 204);
