/** The two GraphQL questions that clients of this product ask: who am I, and what is a repository's id. Everything else is unknown. */
import type { Context } from "hono";
import type { VendorApp } from "../vendor.ts";
import type { GithubState } from "./state.ts";
import { failure, objectBody } from "./wire.ts";
import { isRecord } from "../../../contract/json.ts";

/** Login of the one token's user. */
export const OPERATOR = "sandbox-operator";

/** Adds `/graphql` and the `/api/graphql` of Enterprise Server. */
export function addGraphql(app: VendorApp, state: GithubState): void {
  const answer = async (c: Context): Promise<Response> => {
    const body = await objectBody(c);
    if (typeof body?.["query"] !== "string")
      return failure(c, 400, "A query attribute must be specified and must be a string.");
    const query = body["query"].replaceAll(/\s+/g, " ");
    const variables = isRecord(body["variables"]) ? body["variables"] : {};
    if (/^(query\b[^{]*)?\{ ?viewer ?\{ ?login ?\} ?\}$/.test(query))
      return c.json({ data: { viewer: { login: OPERATOR } } });
    if (/^query\b[^{]*\{ ?repository ?\([^)]*\) ?\{ ?id ?\} ?\}$/.test(query)) {
      const { owner, name } = variables;
      const repository = typeof owner === "string" && typeof name === "string" ? state.find(owner, name) : null;
      if (repository) return c.json({ data: { repository: { id: `R_${repository.id}` } } });
      const errors = [
        { type: "NOT_FOUND", path: ["repository"], message: "Could not resolve to a Repository with that name." },
      ];
      return c.json({ data: { repository: null }, errors });
    }
    return c.notFound();
  };
  app.post("/graphql", answer);
  app.post("/api/graphql", answer);
}
