/** KV namespaces and their values. */
import type { Account } from "../account.ts";
import { ApiError, badRequest } from "../errors.ts";
import { MAX_LIST, type KvNamespace, type WriteOptions } from "../kv.ts";
import { isRecord } from "../../../../contract/json.ts";
import { parseJson, readForm } from "../upload.ts";
import type { VendorApp } from "../../vendor.ts";
import { jsonBody, jsonList, ok, pages, param, type Ctx } from "./envelope.ts";

const view = ({ id, title }: KvNamespace) => ({ id, title, supports_url_encoding: true });
const missingKey = () => new ApiError(404, 10009, "get: 'key not found'");
const number = (text: unknown): number | undefined => (text === undefined || text === "" ? undefined : Number(text));

function writeOptions(expiration: unknown, ttl: unknown, metadata: unknown): WriteOptions {
  const [end, seconds] = [number(expiration), number(ttl)];
  return {
    ...(end === undefined ? {} : { expiration: end }),
    ...(seconds === undefined ? {} : { expirationTtl: seconds }),
    ...(metadata === undefined || metadata === null ? {} : { metadata }),
  };
}

async function readValue(c: Ctx): Promise<{ readonly value: Uint8Array; readonly metadata: unknown }> {
  if (!(c.req.header("content-type") ?? "").startsWith("multipart/form-data"))
    return { value: new Uint8Array(await c.req.arrayBuffer()), metadata: undefined };
  const form = await readForm(c.req);
  const [value, metadata] = [form.get("value"), form.get("metadata")];
  if (value === null) throw badRequest("the body has no value");
  return {
    value: typeof value === "string" ? Buffer.from(value) : new Uint8Array(await value.arrayBuffer()),
    metadata: typeof metadata === "string" ? parseJson(metadata, "metadata") : undefined,
  };
}

/** https://developers.cloudflare.com/kv/platform/limits/ */
const MAX_BULK = 10_000;
const MAX_BULK_READ = 100;

function namesIn(keys: unknown, most: number): readonly string[] {
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every((key) => typeof key === "string"))
    throw badRequest("the body has no list of keys");
  if (keys.length > most) throw badRequest(`at most ${most} keys at once`);
  return keys;
}

function bulkWrite(namespace: KvNamespace, item: unknown): void {
  if (!isRecord(item) || typeof item["key"] !== "string" || typeof item["value"] !== "string")
    throw badRequest("a pair has no key or no value");
  const value = Buffer.from(item["value"], item["base64"] === true ? "base64" : "utf8");
  namespace.put(item["key"], value, writeOptions(item["expiration"], item["expiration_ttl"], item["metadata"]));
}

export function kvRoutes(app: VendorApp, base: string, account: Account): void {
  const all = `${base}/storage/kv/namespaces`;
  const one = `${all}/:namespace`;
  const namespace = (c: Ctx): KvNamespace => {
    const found = account.kv.get(param(c, "namespace"));
    if (!found) throw new ApiError(404, 10013, "namespace not found");
    return found;
  };
  const title = async (c: Ctx): Promise<string> => {
    const body = await jsonBody(c);
    if (typeof body["title"] !== "string" || body["title"] === "") throw badRequest("title is missing");
    return body["title"];
  };

  app.get(all, (c) => {
    const { order, direction = "asc" } = c.req.query();
    const field = order === "title" ? "title" : "id";
    const found = [...account.kv.values()].map(view);
    if (order !== undefined) found.sort((a, b) => (a[field] < b[field] ? -1 : 1));
    return pages(c, direction === "desc" ? found.toReversed() : found, 1000);
  });
  app.post(all, async (c) => ok(c, view(account.kv.create(await title(c), account.now))));
  app.get(one, (c) => ok(c, view(namespace(c))));
  app.put(one, async (c) => {
    namespace(c).title = await title(c);
    return ok(c, view(namespace(c)));
  });
  app.delete(one, (c) => {
    account.kv.delete(namespace(c).id);
    return ok(c, null);
  });

  app.get(`${one}/keys`, (c) => {
    const limit = Math.min(Number(c.req.query("limit") ?? MAX_LIST) || MAX_LIST, MAX_LIST);
    const page = namespace(c).list(c.req.query("prefix") ?? "", limit, c.req.query("cursor") ?? "");
    return ok(c, page.keys, { count: page.keys.length, cursor: page.cursor ?? "" });
  });
  const value = `${one}/values/:key{.+}`;
  app.get(value, (c) => {
    const entry = namespace(c).get(param(c, "key"));
    if (!entry) throw missingKey();
    const expiration: Record<string, string> =
      entry.expiration === null ? {} : { expiration: String(entry.expiration) };
    return c.body(new Uint8Array(entry.value), 200, { "content-type": "application/octet-stream", ...expiration });
  });
  app.put(value, async (c) => {
    const { value: content, metadata } = await readValue(c);
    namespace(c).put(
      param(c, "key"),
      content,
      writeOptions(c.req.query("expiration"), c.req.query("expiration_ttl"), metadata),
    );
    return ok(c, null);
  });
  app.delete(value, (c) => {
    namespace(c).delete(param(c, "key"));
    return ok(c, null);
  });
  app.get(`${one}/metadata/:key{.+}`, (c) => {
    const entry = namespace(c).get(param(c, "key"));
    if (!entry) throw missingKey();
    return ok(c, entry.metadata);
  });
  app.put(`${one}/bulk`, async (c) => {
    const pairs = await jsonList(c);
    for (const pair of pairs) bulkWrite(namespace(c), pair);
    return ok(c, { successful_key_count: pairs.length, unsuccessful_keys: [] });
  });
  const bulkDelete = async (c: Ctx) => {
    const keys = namesIn(parseJson(await c.req.text(), "the body"), MAX_BULK);
    for (const key of keys) namespace(c).delete(key);
    return ok(c, { successful_key_count: keys.length, unsuccessful_keys: [] });
  };
  app.post(`${one}/bulk/delete`, bulkDelete);
  // As it was before, and as wrangler still asks.
  app.delete(`${one}/bulk`, bulkDelete);
  app.post(`${one}/bulk/get`, async (c) => {
    const { keys, type = "text", withMetadata = false } = await jsonBody(c);
    const found = namesIn(keys, MAX_BULK_READ).map((key) => {
      const entry = namespace(c).get(key);
      if (!entry) return [key, null];
      const text = Buffer.from(entry.value).toString("utf8");
      const content: unknown = type === "json" ? parseJson(text, key) : text;
      return [key, withMetadata === true ? { value: content, metadata: entry.metadata } : content];
    });
    return ok(c, { values: Object.fromEntries(found) });
  });
}
