/** A fetch that answers by method and path, for platforms of which a test needs only a few answers. */
import { urlOf } from "./test-context.ts";

/** `"GET /path"` (without the query) → an answer, or what makes one. Everything else is 404. */
export type Routes = Readonly<Record<string, Response | ((request: Request) => Response | Promise<Response>) | Error>>;

/** A fetch with what it was asked for. */
export interface Handler {
  readonly fetch: typeof fetch;
  /** `METHOD /path body`, in order. */
  readonly asked: readonly string[];
}

/** @param base what every URL begins with; absent = any host. */
export function handler(routes: Routes, base = ""): Handler {
  const asked: string[] = [];
  return {
    asked,
    fetch: async (input, init) => {
      const url = new URL(urlOf(input));
      const path =
        (url.origin + url.pathname).startsWith(base) && base !== ""
          ? (url.origin + url.pathname).slice(base.length)
          : url.pathname;
      const request = new Request(input, init);
      const key = `${request.method} ${path}`;
      asked.push(`${key} ${await request.clone().text()}`.trimEnd());
      const found = routes[key];
      if (found instanceof Error) throw found;
      if (found === undefined) return Response.json({ message: "Not Found" }, { status: 404 });
      return typeof found === "function" ? found(request) : found.clone();
    },
  };
}
