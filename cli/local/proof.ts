/** Proof that a secret is alive or dead: every origin asked directly, past the gateway, with that secret or without one. */
import { SLOT_VARIABLES, type SlotName } from "../../contract/gateway-secret.ts";
import {
  GATEWAY_SECRET_HEADER,
  MCP_PATH,
  MODERN_PROTOCOL_VERSION,
  REQUEST_ID_HEADER,
  USER_ID_HEADER,
} from "../../contract/headers.ts";
import { mintRequestId } from "../../contract/request-id.ts";
import { githubSecretName } from "../../contract/secret-names.ts";
import type { LocalCloud } from "./local-cloud.ts";

/** HTTP status of each origin by name: 403 = refused, 200 = alive, 0 = no answer in time. */
export type Statuses = Readonly<Record<string, number>>;

/** Another question, after one that was not answered. */
const TRIES = 3;
/** Unit: milliseconds. */
const ANSWER_MS = 20_000;

/** The value that GitHub keeps for a slot. */
export function heldSecret({ sandbox, environment: { github } }: LocalCloud, slot: SlotName): string | undefined {
  const name = githubSecretName(github.scope, github.environment, SLOT_VARIABLES[slot]);
  return sandbox.github.reveal(name, github.scope === "environment" ? github.environment : undefined);
}

/** Asks every origin once, but those that were left out of the pool on purpose; what a busy machine leaves unanswered is asked again, since it proves nothing. */
export async function askOrigins(cloud: LocalCloud, secret: string | undefined): Promise<Statuses> {
  const kept = cloud.environment.origins.filter((origin) => origin.state !== "quarantined");
  const entries = await Promise.all(
    kept.map(async ({ name, url }) => {
      for (let left = TRIES; left > 0; left--) {
        const status = await statusOf(cloud, url, secret).catch(() => 0);
        cloud.inside.signal.throwIfAborted();
        if (status !== 0) return [name, status] as const;
      }
      return [name, 0] as const;
    }),
  );
  return Object.fromEntries(entries);
}

/** True when there is somebody, and everybody answered so. */
export const allAnswered = (statuses: Statuses, wanted: number): boolean => {
  const seen = Object.values(statuses);
  return seen.length > 0 && seen.every((status) => status === wanted);
};

async function statusOf({ inside }: LocalCloud, url: string, secret: string | undefined): Promise<number> {
  const response = await inside.fetch(url + MCP_PATH, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": MODERN_PROTOCOL_VERSION,
      "mcp-method": "tools/list",
      [USER_ID_HEADER]: "00000000-0000-4000-8000-000000000001",
      [REQUEST_ID_HEADER]: mintRequestId(Date.now()),
      ...(secret === undefined ? {} : { [GATEWAY_SECRET_HEADER]: secret }),
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/list",
      params: {
        _meta: {
          "io.modelcontextprotocol/protocolVersion": MODERN_PROTOCOL_VERSION,
          "io.modelcontextprotocol/clientInfo": { name: "mcpist-demo", version: "1.0.0" },
          "io.modelcontextprotocol/clientCapabilities": {},
        },
      },
    }),
    signal: AbortSignal.any([inside.signal, AbortSignal.timeout(ANSWER_MS)]),
  });
  await response.body?.cancel();
  return response.status;
}
