/** The envelope around every answer of the API, and what every call must bring. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { HttpBindings } from "@hono/node-server";
import type { Context, MiddlewareHandler } from "hono";
import { ApiError, badRequest, forbidden, unauthenticated } from "../errors.ts";
import type { Source } from "../model.ts";
import { isRecord } from "../../../../contract/json.ts";
import { parseJson } from "../upload.ts";

/** Hono context of this vendor. */
export type Ctx = Context<{ Bindings: HttpBindings }>;

/** A part of the path. Empty when the route has no such part. */
export const param = (c: Ctx, name: string): string => c.req.param(name) ?? "";

/** A good answer. @param info page numbers, for lists. */
export const ok = (c: Ctx, result: unknown, info?: object): Response =>
  c.json({ success: true, errors: [], messages: [], result, ...(info === undefined ? {} : { result_info: info }) });

/** A list that the vendor does not page. */
export const list = (c: Ctx, items: readonly unknown[]): Response => ok(c, items);

/** The page that is asked for, and the numbers that clients page by. @param max most items of a page @param usual when nobody asks */
export function pageOf<T>(
  c: Ctx,
  items: readonly T[],
  max: number,
  usual = 20,
): { readonly shown: readonly T[]; readonly info: object } {
  const page = Math.max(Number(c.req.query("page") ?? 1) || 1, 1);
  const size = Math.min(Math.max(Number(c.req.query("per_page") ?? usual) || usual, 1), max);
  const shown = items.slice((page - 1) * size, page * size);
  const total = { total_count: items.length, total_pages: Math.ceil(items.length / size) };
  return { shown, info: { page, per_page: size, count: shown.length, ...total } };
}

/** The answer with one page of a list. @param max most items of a page; 20 when nobody asks */
export function pages(c: Ctx, items: readonly unknown[], max: number): Response {
  const { shown, info } = pageOf(c, items, max);
  return ok(c, shown, info);
}

/** @returns the answer for an error that a handler threw. Errors that are not the API's own become 500 without their text. */
export function refuse(c: Ctx, error: unknown): Response {
  const known = error instanceof ApiError ? error : new ApiError(500, 10013, "An unknown error has occurred.");
  const body = { success: false, errors: [{ code: known.code, message: known.message }], messages: [], result: null };
  return c.json(body, known.status as 400);
}

/** @returns the JSON object in the body. @throws {ApiError} 400. */
export async function jsonBody(c: Ctx): Promise<Readonly<Record<string, unknown>>> {
  const body = parseJson(await c.req.text(), "the body");
  if (!isRecord(body)) throw badRequest("the body is not an object");
  return body;
}

/** @returns the list of JSON objects in the body. @throws {ApiError} 400. */
export async function jsonList(c: Ctx): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const body = parseJson(await c.req.text(), "the body");
  if (!Array.isArray(body) || !body.every(isRecord)) throw badRequest("the body is not a list of objects");
  return body;
}

/** Who is calling, from the User-Agent. */
export const sourceOf = (c: Ctx): Source =>
  c.req.header("user-agent")?.startsWith("wrangler/") === true ? "wrangler" : "api";

const digest = (text: string) => createHash("sha256").update(text).digest();

/** Refuses every call without the one token: 401 with code 10000. */
export function requireToken(token: string): MiddlewareHandler {
  const expected = digest(`Bearer ${token}`);
  return async (c, next) => {
    if (!timingSafeEqual(digest(c.req.header("authorization") ?? ""), expected)) throw unauthenticated();
    await next();
  };
}

/** Refuses every account but the token's own: 403. */
export function requireAccount(accountId: string): MiddlewareHandler {
  return async (c, next) => {
    const asked = c.req.param("account") ?? "";
    if (!/^[0-9a-f]{32}$/.test(asked))
      throw new ApiError(404, 7003, `Could not route to ${c.req.path}, perhaps your object identifier is invalid?`);
    if (asked !== accountId) throw forbidden();
    await next();
  };
}
