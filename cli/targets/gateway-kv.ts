/** The gateway's KV namespace, as far as a command reads or writes what is no secret. */
import type { Environment } from "../../contract/config.ts";
import type { Api } from "../http.ts";

/** One KV namespace of the account, for what is no secret. */
export function gatewayKv(api: Api, environment: Environment, namespace: string) {
  const base = `/accounts/${encodeURIComponent(environment.cloudflare.accountId)}/storage/kv/namespaces/${encodeURIComponent(namespace)}`;
  const path = (key: string) => `${base}/values/${encodeURIComponent(key)}`;
  return {
    /** The value's text as it is. @throws {McpistError} ERR_RATE_LIMITED: one key takes one write per second. */
    async put(key: string, text: string): Promise<void> {
      await api.call("PUT", path(key), { text });
    },
    /** @returns null when there is no such key. */
    async get(key: string): Promise<string | null> {
      const answer = await api.get(path(key), { accept: [404], raw: true });
      return answer.status === 404 ? null : answer.text;
    },
  };
}
