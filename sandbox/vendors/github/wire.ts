/** GitHub's envelopes: errors, lists and times as api.github.com writes them. No state. */
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

const DOCUMENTATION = "https://docs.github.com/rest";

/** `{"message","documentation_url","status"[,"errors"]}`; `status` is a string, as on the real API. */
export const failure = (
  c: Context,
  status: ContentfulStatusCode,
  message: string,
  errors?: readonly unknown[],
): Response =>
  c.json({ message, ...(errors ? { errors } : {}), documentation_url: DOCUMENTATION, status: String(status) }, status);

export const notFound = (c: Context): Response => failure(c, 404, "Not Found");
export const invalid = (c: Context, message: string, errors?: readonly unknown[]): Response =>
  failure(c, 422, message, errors);

/** GitHub's times have no fraction: two writes within one second carry the same `updated_at`. Unit of `ms`: milliseconds. */
export const isoSeconds = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** One page of `items`, `per_page` at most `max`; other pages are named in `Link`, which is how clients find them. */
export function page<T>(c: Context, items: readonly T[], max = 100): readonly T[] {
  const perPage = Math.min(max, Math.max(1, Number.parseInt(c.req.query("per_page") ?? "30", 10) || 30));
  const number = Math.max(1, Number.parseInt(c.req.query("page") ?? "1", 10) || 1);
  const last = Math.max(1, Math.ceil(items.length / perPage));
  const link = (page: number, rel: string): string => {
    const url = new URL(c.req.url);
    url.searchParams.set("page", String(page));
    return `<${url.href}>; rel="${rel}"`;
  };
  const links = [
    ...(number > 1 ? [link(number - 1, "prev"), link(1, "first")] : []),
    ...(number < last ? [link(number + 1, "next"), link(last, "last")] : []),
  ];
  if (links.length > 0) c.header("link", links.join(", "));
  return items.slice((number - 1) * perPage, number * perPage);
}

/** @returns the JSON object in the body, or null when it is not one. */
export async function objectBody(c: Context): Promise<Record<string, unknown> | null> {
  try {
    const value: unknown = JSON.parse(await c.req.text());
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
