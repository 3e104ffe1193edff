/**
 * One MCP connection from the origin to a server: lists its tools, runs one, passes cancellation and progress on. It asks the server
 * for nothing else and answers nothing else: sampling, elicitation and roots are refused with -32601 by the SDK, because no handler
 * and no capability is registered. Foreign schemas are not compiled here, and nothing is cached.
 */
import { hash } from "node:crypto";
import {
  Client,
  isCallToolResult,
  ProtocolError,
  type CallToolResult,
  type Transport,
} from "@modelcontextprotocol/client";
import { z } from "zod";
import { NO_ANSWER, NotRunError } from "./http-transport.ts";
import { ANSWER_TOO_LARGE } from "./line-reader.ts";
import { MAX_TOOLS } from "./tool-facts.ts";

/** From the start of a program to the end of its handshake: some load a model first. Unit: milliseconds. */
export const CONNECT_TIMEOUT_MS = 30_000;
/** One page of a list. Unit: milliseconds. */
const PAGE_TIMEOUT_MS = 10_000;
/** Pages of one list; a server that always has a next one never ends. */
const MAX_PAGES = 100;
/** Instructions are part of every pin and of what a model may see. Unit: UTF-16 code units. */
const MAX_INSTRUCTIONS = 8 * 1024;

/** What a server lists, as it came. */
export interface RawListing {
  readonly tools: readonly unknown[];
  /** True when the server had more than is taken. */
  readonly truncated: boolean;
  readonly instructions: string;
}

/** One call. */
export interface ForeignCall {
  readonly name: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Extra `_meta` members. */
  readonly meta: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  /** Unit: milliseconds. */
  readonly timeoutMs: number;
  readonly onProgress: ((progress: Progress) => void) | null;
}

/** How far a call is, in the server's own units. */
export interface Progress {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

/**
 * refused = the server answered with a JSON-RPC error, so it decided not to run it; asks = it wants more of its caller first; useless = it
 * answered, with nothing that can be passed on; lost = it was not run, because the session or the connection is gone: it may be sent
 * in a new one; unknown = it may have run.
 */
export type ForeignOutcome =
  | { readonly kind: "result"; readonly result: CallToolResult }
  | { readonly kind: "refused" }
  | { readonly kind: "asks" }
  | { readonly kind: "useless"; readonly why: "large" | "shape" }
  | { readonly kind: "lost" }
  | { readonly kind: "unknown" };

/** A handshake that succeeded. */
export interface Connection {
  list(): Promise<RawListing>;
  call(call: ForeignCall): Promise<ForeignOutcome>;
  close(): Promise<void>;
  /** Settles when the connection is over, whoever ended it. */
  readonly closed: Promise<void>;
}

/** What connecting takes. */
export interface ConnectOptions {
  /** A new transport for each attempt: an unknown first message may end an old server. */
  readonly transport: () => Transport;
  readonly version: string;
  /** The server says that its list is another one now. */
  readonly onListChanged: () => void;
  /** Gives up a handshake that is under way; absent = nobody does. */
  readonly signal?: AbortSignal;
}

// Some servers write null where there is nothing.
const page = z.looseObject({ tools: z.array(z.unknown()), nextCursor: z.string().max(4096).nullish() });
const anything = z.looseObject({});
/** A result that is nested more deeply cannot be written out again by everybody. */
const MAX_RESULT_DEPTH = 256;

/** True for data that is nested at most `levels` deep. */
function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((member) => isShallow(member, levels - 1));
}

/** What an answer to `tools/call` comes to. */
export function outcomeOf(answer: Readonly<Record<string, unknown>>): ForeignOutcome {
  if (!isShallow(answer, MAX_RESULT_DEPTH)) return { kind: "useless", why: "shape" };
  const { resultType = "complete", content } = answer;
  // A question to the caller (MCP 2026-07-28, input required), or a task that nobody here would ask for again.
  if (resultType !== "complete" || "inputRequests" in answer || "task" in answer) return { kind: "asks" };
  // Several SDKs leave out what is empty, and all of them take that.
  const result = content === undefined && !("toolResult" in answer) ? { ...answer, content: [] } : answer;
  return isCallToolResult(result) ? { kind: "result", result } : { kind: "useless", why: "shape" };
}

/** The SDK would compile every output schema that a server lists; results are passed on, and checked by nobody but the client. */
const COMPILES_NOTHING = {
  getValidator: () => (input: unknown) => ({ valid: true, data: input, errorMessage: undefined }),
};

/** @returns null for what is nested too deeply to be written out again; whoever reads the tools leaves that one out. */
function digestOf(tools: readonly unknown[]): string | null {
  try {
    return hash("sha256", JSON.stringify(tools), "hex");
  } catch {
    return null;
  }
}

async function attempt(options: ConnectOptions, mode: "auto" | "legacy"): Promise<Connection> {
  const closed = Promise.withResolvers<void>();
  const client = new Client(
    { name: "mcpist", version: options.version },
    {
      capabilities: {},
      versionNegotiation: { mode, probe: { timeoutMs: PAGE_TIMEOUT_MS } },
      jsonSchemaValidator: COMPILES_NOTHING as never,
    },
  );
  client.onclose = closed.resolve;
  // Words of the server, or about it: whoever wants to know reads its standard error.
  client.onerror = () => {};
  client.setNotificationHandler("notifications/tools/list_changed", options.onListChanged);
  const transport = options.transport();
  const giveUp = (): void => void transport.close().catch(() => {});
  options.signal?.addEventListener("abort", giveUp, { once: true });
  try {
    options.signal?.throwIfAborted();
    await client.connect(transport, { timeout: CONNECT_TIMEOUT_MS });
  } catch (cause) {
    await client.close().catch(() => {});
    throw cause;
  } finally {
    options.signal?.removeEventListener("abort", giveUp);
  }
  return {
    closed: closed.promise,
    async list() {
      const tools: unknown[] = [];
      let cursor: string | undefined;
      let truncated = false;
      const seen = new Set<string>();
      for (let pages = 0; ; pages++) {
        const params = cursor === undefined ? {} : { cursor };
        const answer = await client.request({ method: "tools/list", params }, page, { timeout: PAGE_TIMEOUT_MS });
        // A page that was there already: the list goes round in a circle, as with a cursor that a server does not read.
        const digest = digestOf(answer.tools);
        if (digest !== null && answer.tools.length > 0 && seen.has(digest)) break;
        if (digest !== null) seen.add(digest);
        tools.push(...answer.tools.slice(0, MAX_TOOLS - tools.length));
        const next = answer.nextCursor ?? undefined;
        truncated ||= tools.length >= MAX_TOOLS && answer.tools.length > 0 && next !== undefined;
        cursor = next;
        if (cursor === undefined) break;
        if (pages + 1 >= MAX_PAGES || tools.length >= MAX_TOOLS) {
          truncated = true;
          break;
        }
      }
      const instructions = (client.getInstructions() ?? "").slice(0, MAX_INSTRUCTIONS);
      return { tools, truncated, instructions };
    },
    async call({ name, params, meta, signal, timeoutMs, onProgress }) {
      try {
        const answer = await client.request(
          {
            method: "tools/call",
            params: { name, arguments: params, ...(Object.keys(meta).length > 0 ? { _meta: meta } : {}) },
          },
          anything,
          {
            signal,
            timeout: timeoutMs,
            maxTotalTimeout: timeoutMs,
            ...(onProgress ? { onprogress: onProgress } : {}),
          },
        );
        return outcomeOf(answer);
      } catch (cause) {
        if (cause instanceof NotRunError) return { kind: cause.kind };
        // An error of the protocol is the server's own answer; everything else says nothing about what it did.
        if (!(cause instanceof ProtocolError)) return { kind: "unknown" };
        if (cause.code === NO_ANSWER) return { kind: "unknown" };
        return cause.code === ANSWER_TOO_LARGE ? { kind: "useless", why: "large" } : { kind: "refused" };
      }
    },
    close: () => client.close(),
  };
}

/**
 * Connects, in the newest revision that the server speaks.
 * @throws when neither handshake succeeds.
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  try {
    return await attempt(options, "auto");
  } catch {
    options.signal?.throwIfAborted();
    return attempt(options, "legacy");
  }
}
