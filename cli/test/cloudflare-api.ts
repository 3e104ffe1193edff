/** Cloudflare's API without a listener and without running Workers: as a fetch, for tests of commands. */
import { Account } from "../../sandbox/vendors/cloudflare/account.ts";
import { API_ROOT, apiApp } from "../../sandbox/vendors/cloudflare/api/app.ts";
import { NAMES, TOKEN, uploadForm, type UploadOptions } from "../../sandbox/vendors/cloudflare/test/emulator.ts";
import { urlOf } from "./test-context.ts";

/** An account with its API. */
export interface CloudflareApi {
  readonly account: Account;
  /** Base URL that the command is told; only {@link CloudflareApi.fetch} knows what is there. */
  readonly baseUrl: string;
  readonly fetch: typeof fetch;
  /** Uploads and deploys. @returns the version id. */
  put(worker: string, options: UploadOptions): Promise<string>;
  /** Makes a KV namespace. @returns its id. */
  namespace(title: string): Promise<string>;
}

const BASE = "http://127.0.0.1:1";

export function cloudflareAccount(): CloudflareApi {
  const runner = {
    check: () => Promise.resolve(),
    prepare: () => Promise.resolve(() => undefined),
    forget: () => Promise.resolve(),
  };
  const account = new Account(NAMES, () => Promise.resolve(runner));
  const app = apiApp(account, TOKEN);
  const request = async (path: string, init: RequestInit = {}) =>
    app.request(path, {
      ...init,
      headers: { authorization: `Bearer ${TOKEN}`, ...(init.headers as Record<string, string> | undefined) },
    });
  const resultOf = async (response: Response) => ((await response.json()) as { result: Record<string, string> }).result;
  const path = `${API_ROOT}/accounts/${NAMES.accountId}`;
  return {
    account,
    baseUrl: BASE + API_ROOT,
    fetch: async (input, init) => app.request(urlOf(input).slice(BASE.length), init),
    put: async (worker, options) =>
      (
        await resultOf(await request(`${path}/workers/scripts/${worker}`, { method: "PUT", body: uploadForm(options) }))
      )["deployment_id"] ?? "",
    namespace: async (title) =>
      (
        await resultOf(
          await request(`${path}/storage/kv/namespaces`, { method: "POST", body: JSON.stringify({ title }) }),
        )
      )["id"] ?? "",
  };
}
