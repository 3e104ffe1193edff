/** The account's KV namespaces: the one owner of their content, for the API and for running versions alike. In memory. */
import { ApiError, badRequest } from "./errors.ts";
import { hexId } from "./model.ts";
import { METADATA_HEADER } from "./runtime/kv-binding.ts";

/** Shortest time to live. Unit: seconds. Source: developers.cloudflare.com/kv/api/write-key-value-pairs. */
const MIN_TTL_SECONDS = 60;
/** Writes to one key closer together than this are refused. Unit: milliseconds. Source: developers.cloudflare.com/kv/platform/limits. */
const WRITE_INTERVAL_MS = 1_000;
/** Longest key, value and metadata. Unit: bytes. Source: developers.cloudflare.com/kv/platform/limits. */
const MAX_KEY_BYTES = 512;
const MAX_VALUE_BYTES = 25 * 1024 * 1024;
const MAX_METADATA_BYTES = 1024;

interface Entry {
  readonly value: Uint8Array;
  /** Unix time. Unit: seconds; null = never. */
  readonly expiration: number | null;
  readonly metadata: unknown;
}

export interface KvKey {
  readonly name: string;
  readonly expiration?: number;
  readonly metadata?: unknown;
}

export interface WriteOptions {
  readonly expiration?: number;
  readonly expirationTtl?: number;
  readonly metadata?: unknown;
}

/** One namespace. */
export class KvNamespace {
  readonly id = hexId();
  title: string;
  readonly #entries = new Map<string, Entry>();
  readonly #written = new Map<string, number>();
  readonly #now: () => Date;

  constructor(title: string, now: () => Date) {
    this.title = title;
    this.#now = now;
  }

  get(key: string): Entry | null {
    const entry = this.#entries.get(key);
    if (!entry) return null;
    if (entry.expiration === null || entry.expiration > this.#now().getTime() / 1000) return entry;
    this.#entries.delete(key);
    return null;
  }

  /** @throws {ApiError} 429 for a second write to a key within a second, 400 when another limit of KV is exceeded or the time to live is under {@link MIN_TTL_SECONDS}. */
  put(key: string, value: Uint8Array, { expiration, expirationTtl, metadata }: WriteOptions = {}): void {
    const now = this.#now().getTime();
    const seconds = Math.floor(now / 1000);
    if (key === "" || key === "." || key === "../.." || Buffer.byteLength(key) > MAX_KEY_BYTES)
      throw badRequest("UTF-8 encoded length of the key is not within 1 to 512 bytes");
    if (value.byteLength > MAX_VALUE_BYTES) throw new ApiError(413, 10047, "Value length exceeds limit of 26214400.");
    if (expirationTtl !== undefined && !(expirationTtl >= MIN_TTL_SECONDS))
      throw badRequest(
        `Invalid expiration_ttl of ${expirationTtl}. Expiration TTL must be at least ${MIN_TTL_SECONDS}.`,
      );
    if (expiration !== undefined && !(expiration >= seconds + MIN_TTL_SECONDS))
      throw badRequest(
        `Invalid expiration of ${expiration}. Expiration times must be at least ${MIN_TTL_SECONDS} seconds in the future.`,
      );
    if (metadata !== undefined && Buffer.byteLength(JSON.stringify(metadata)) > MAX_METADATA_BYTES)
      throw badRequest(`Metadata exceeds the limit of ${MAX_METADATA_BYTES} bytes.`);
    if (now - (this.#written.get(key) ?? Number.NEGATIVE_INFINITY) < WRITE_INTERVAL_MS)
      throw new ApiError(429, 10048, "Too Many Requests");
    this.#written.set(key, now);
    const end = expirationTtl === undefined ? (expiration ?? null) : seconds + Math.floor(expirationTtl);
    this.#entries.set(key, { value, expiration: end, metadata: metadata ?? null });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Keys in lexicographic order. @returns the cursor of the next page, or null on the last one. */
  list(
    prefix: string,
    limit: number,
    cursor: string,
  ): { readonly keys: readonly KvKey[]; readonly cursor: string | null } {
    const after = Buffer.from(cursor, "base64url").toString();
    const names = [...this.#entries.keys()]
      .filter((name) => name.startsWith(prefix) && name > after && this.get(name) !== null)
      .toSorted();
    const page = names.slice(0, limit);
    const keys = page.map((name): KvKey => {
      const { expiration = null, metadata = null } = this.get(name) ?? {};
      return { name, ...(expiration === null ? {} : { expiration }), ...(metadata === null ? {} : { metadata }) };
    });
    return { keys, cursor: names.length > page.length ? Buffer.from(page.at(-1) ?? "").toString("base64url") : null };
  }
}

/** All namespaces of the account by id. */
export class KvNamespaces extends Map<string, KvNamespace> {
  /** @throws {ApiError} 10014 when the title is taken. */
  create(title: string, now: () => Date): KvNamespace {
    if ([...this.values()].some((namespace) => namespace.title === title))
      throw new ApiError(400, 10014, "A namespace with this account ID and title already exists.");
    const namespace = new KvNamespace(title, now);
    this.set(namespace.id, namespace);
    return namespace;
  }
}

/** Longest page of a list. */
export const MAX_LIST = 1000;
const pageSize = (text: string | null): number =>
  Math.min(Math.max(Math.trunc(Number(text ?? MAX_LIST)) || MAX_LIST, 1), MAX_LIST);
const optionalNumber = (text: string | null): number | undefined => (text === null ? undefined : Number(text));

/** Serves the binding of a running version: `/<namespace>/values/<key>` and `/<namespace>/keys`. */
export async function serveBinding(request: Request, namespaces: KvNamespaces): Promise<Response> {
  const url = new URL(request.url);
  const [, id = "", kind, key = ""] = url.pathname.split("/");
  const namespace = namespaces.get(id);
  if (!namespace) return new Response("namespace not found", { status: 400 });
  if (kind === "keys") {
    const page = namespace.list(
      url.searchParams.get("prefix") ?? "",
      pageSize(url.searchParams.get("limit")),
      url.searchParams.get("cursor") ?? "",
    );
    const rest = page.cursor === null ? { list_complete: true } : { list_complete: false, cursor: page.cursor };
    return Response.json({ keys: page.keys, ...rest, cacheStatus: null });
  }
  const name = decodeURIComponent(key);
  if (request.method === "DELETE") {
    namespace.delete(name);
    return new Response(null);
  }
  if (request.method !== "PUT") {
    const entry = namespace.get(name);
    if (!entry) return new Response(null, { status: 404 });
    const headers: Record<string, string> =
      entry.metadata === null ? {} : { [METADATA_HEADER]: encodeURIComponent(JSON.stringify(entry.metadata)) };
    return new Response(Buffer.from(entry.value), { headers });
  }
  const header = request.headers.get(METADATA_HEADER);
  const expiration = optionalNumber(url.searchParams.get("expiration"));
  const expirationTtl = optionalNumber(url.searchParams.get("expiration_ttl"));
  try {
    namespace.put(name, new Uint8Array(await request.arrayBuffer()), {
      ...(expiration === undefined ? {} : { expiration }),
      ...(expirationTtl === undefined ? {} : { expirationTtl }),
      ...(header === null ? {} : { metadata: JSON.parse(decodeURIComponent(header)) as unknown }),
    });
    return new Response(null);
  } catch (error) {
    if (error instanceof ApiError) return new Response(error.message, { status: error.status });
    throw error;
  }
}
