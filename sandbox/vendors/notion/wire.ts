/** Notion's envelopes: errors, lists, rich text and ids as api.notion.com writes them. https://developers.notion.com/reference/status-codes */
import { randomUUID } from "node:crypto";
import type { Context } from "hono";

/** Codes of the published table, with their status. */
const STATUS = {
  invalid_json: 400,
  invalid_request_url: 400,
  invalid_grant: 400,
  validation_error: 400,
  missing_version: 400,
  unauthorized: 401,
  restricted_resource: 403,
  object_not_found: 404,
  rate_limited: 429,
} as const;
export type ErrorCode = keyof typeof STATUS;

/** `{"object":"error","status","code","message","request_id"}`; `more` stands beside them. */
export function failure(
  c: Context,
  code: ErrorCode,
  message: string,
  more: Readonly<Record<string, unknown>> = {},
): Response {
  const status = STATUS[code];
  return c.json({ object: "error", status, code, message, ...more, request_id: randomUUID() }, status);
}

/** `what` is `body`, `path` or `query`; `rule` says what was expected and what came. */
export const invalid = (c: Context, what: string, rule: string): Response =>
  failure(c, "validation_error", `${what} failed validation: ${what}.${rule}`);

/** The same id with dashes. @returns null when the text is no UUID. */
export function idOf(text: unknown): string | null {
  const hex = typeof text === "string" ? text.replaceAll("-", "").toLowerCase() : "";
  if (!/^[0-9a-f]{32}$/.test(hex)) return null;
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

export const richText = (content: string): readonly Readonly<Record<string, unknown>>[] =>
  content === ""
    ? []
    : [{ type: "text", text: { content, link: null }, annotations: {}, plain_text: content, href: null }];

/** Largest page of a list: https://developers.notion.com/reference/intro#pagination */
const MAX_PAGE_SIZE = 100;

/**
 * One page of a list; a cursor is the id of the item that comes next.
 * @param what where the parameters were: `body` or `query`.
 */
export function listPage<Item extends { readonly id: string }>(
  c: Context,
  what: "body" | "query",
  parameters: Readonly<Record<string, unknown>>,
  items: readonly Item[],
  view: (item: Item) => unknown,
  type: string,
): Response {
  const { page_size: size = MAX_PAGE_SIZE, start_cursor: cursor } = parameters;
  const count = what === "query" && typeof size === "string" ? Number(size) : size;
  if (typeof count !== "number" || !Number.isInteger(count) || count < 1)
    return invalid(c, what, `page_size should be a number, instead was \`${JSON.stringify(size)}\`.`);
  if (count > MAX_PAGE_SIZE)
    return invalid(c, what, `page_size should be ≤ \`${MAX_PAGE_SIZE}\`, instead was \`${JSON.stringify(size)}\`.`);
  const start = cursor === undefined ? 0 : items.findIndex(({ id }) => id === cursor);
  if (start < 0) return failure(c, "validation_error", "The start_cursor provided is invalid.");
  const next = items[start + count]?.id ?? null;
  return c.json({
    object: "list",
    results: items.slice(start, start + count).map(view),
    next_cursor: next,
    has_more: next !== null,
    type,
    [type]: {},
    request_id: randomUUID(),
  });
}

/** @returns the JSON object in the body ({} for none), or null when it is not one. */
export async function objectBody(c: Context): Promise<Readonly<Record<string, unknown>> | null> {
  try {
    const text = await c.req.text();
    const value: unknown = text === "" ? {} : JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
