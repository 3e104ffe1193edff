/**
 * The KV binding of a running version: a client of the account's one KV store. The function below is shipped into workerd as
 * text, so it may use nothing from outside its own body.
 */

/** What the function is given inside workerd. */
interface BindingEnv {
  readonly STORE: { fetch(url: string, init?: RequestInit): Promise<Response> };
  readonly NAMESPACE: string;
}
interface GetOptions {
  readonly type?: string;
}
interface PutOptions {
  readonly expiration?: number;
  readonly expirationTtl?: number;
  readonly metadata?: unknown;
}
interface ListOptions {
  readonly prefix?: string | null;
  readonly limit?: number | null;
  readonly cursor?: string | null;
}

/** Header that carries a key's metadata, URL-encoded JSON. */
export const METADATA_HEADER = "x-kv-metadata";

function kvBinding(env: BindingEnv): object {
  const metadataHeader = "x-kv-metadata";
  const base = `http://kv/${env.NAMESPACE}`;
  const call = async (verb: string, path: string, init?: RequestInit): Promise<Response> => {
    const response = await env.STORE.fetch(base + path, init);
    if (response.ok || response.status === 404) return response;
    throw new Error(`KV ${verb} failed: ${response.status} ${await response.text()}`);
  };
  const metadataOf = (response: Response): unknown => {
    const header = response.headers.get(metadataHeader);
    return header === null ? null : JSON.parse(decodeURIComponent(header));
  };
  const read = async (response: Response, type: string): Promise<unknown> => {
    if (response.status === 404) {
      await response.body?.cancel();
      return null;
    }
    if (type === "json") return response.json();
    if (type === "arrayBuffer") return response.arrayBuffer();
    return type === "stream" ? response.body : response.text();
  };
  const typeOf = (options?: string | GetOptions): string =>
    typeof options === "string" ? options : (options?.type ?? "text");
  const path = (key: string): string => {
    if (key === "" || key === "." || key === "..") throw new TypeError("Key name cannot be empty, '.' or '..'.");
    return `/values/${encodeURIComponent(key)}`;
  };
  const getWithMetadata = async (
    key: string,
    options?: string | GetOptions,
  ): Promise<{ value: unknown; metadata: unknown }> => {
    const response = await call("GET", path(key));
    const metadata = metadataOf(response);
    return { value: await read(response, typeOf(options)), metadata };
  };
  return {
    getWithMetadata,
    async get(key: string | string[], options?: string | GetOptions): Promise<unknown> {
      if (!Array.isArray(key)) return (await getWithMetadata(key, options)).value;
      const found = await Promise.all(
        key.map(async (one) => [one, (await getWithMetadata(one, options)).value] as const),
      );
      return new Map(found);
    },
    async put(key: string, value: string | ArrayBuffer | ReadableStream, options: PutOptions = {}): Promise<void> {
      const query = new URLSearchParams();
      if (options.expiration !== undefined) query.set("expiration", String(options.expiration));
      if (options.expirationTtl !== undefined) query.set("expiration_ttl", String(options.expirationTtl));
      const headers =
        options.metadata === undefined
          ? {}
          : { [metadataHeader]: encodeURIComponent(JSON.stringify(options.metadata)) };
      await call("PUT", `${path(key)}?${query.toString()}`, { method: "PUT", body: value, headers });
    },
    async delete(key: string): Promise<void> {
      await call("DELETE", path(key), { method: "DELETE" });
    },
    async list(options: ListOptions = {}): Promise<unknown> {
      const query = new URLSearchParams();
      for (const name of ["prefix", "limit", "cursor"] as const) {
        const value = options[name];
        if (value !== undefined && value !== null) query.set(name, String(value));
      }
      return (await call("LIST", `/keys?${query.toString()}`)).json();
    },
  };
}

/** Source of the module whose default export workerd calls to make the binding. */
export const KV_BINDING_SOURCE = `export default ${kvBinding.toString()}`;
