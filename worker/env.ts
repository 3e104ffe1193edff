/**
 * The bindings of the Worker, as narrow as the Worker uses them. Everything is optional: what is absent decides between
 * fail closed (secret, configuration) and fail open (coarse limits), and that decision belongs to the code, not to a type.
 */

import type { BurstObject } from "./burst-call.ts";

/** Workers KV. Only for what may be stale: key sets, `blocked until` markers, transitions of an origin's health. */
export interface KeyValue {
  get(key: string, options: { readonly type: "text"; readonly cacheTtl: number }): Promise<string | null>;
  put(key: string, value: string, options: { readonly expirationTtl: number }): Promise<void>;
}

/** Rate Limiting binding: counts one event for `key` and says whether the limit still holds. */
export interface Counter {
  limit(options: { readonly key: string }): Promise<{ readonly success: boolean }>;
}

/** Namespace of the burst objects (worker/user-burst.ts); see worker/burst-call.ts. */
export interface BurstNamespace {
  idFromName(name: string): DurableObjectId;
  get(id: DurableObjectId): BurstObject;
}

/** What the platform hands to the Worker. */
export interface Env {
  /** One JSON text, see contract/runtime-config.ts. */
  readonly MCPIST_CONFIG?: string;
  /** 64 lower-case hex characters. Never logged, never kept in a Durable Object. */
  readonly GATEWAY_SECRET?: string;
  /** Version metadata binding; `id` is the Worker version. */
  readonly CF_VERSION_METADATA?: { readonly id: string };
  readonly KV?: KeyValue;
  readonly BURST?: BurstNamespace;
  /** Requests per address before authentication. */
  readonly RL_IP?: Counter;
  /** Failed authentications per address. */
  readonly RL_AUTH?: Counter;
}

/** Every side effect of the Worker; worker/index.ts makes the real one, tests make their own. */
export interface Runtime {
  /** Unit: milliseconds since the epoch. On Workers it moves with I/O only. */
  readonly now: () => number;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** One line for the platform's log. */
  readonly log: (line: string) => void;
}

/** Keeps work alive after the answer was sent. */
export type WaitUntil = (work: Promise<unknown>) => void;
