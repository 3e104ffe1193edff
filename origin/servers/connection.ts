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
  SdkError,
  SdkErrorCode,
  type CallToolResult,
  type Transport,
} from "@modelcontextprotocol/client";
import { z } from "zod";
import { ANSWER_TOO_LARGE, ANSWER_USELESS, NO_ANSWER, NotRunError } from "./no-answer.ts";
import { MAX_LINE_BYTES } from "./line-reader.ts";
import { createPace } from "./pace.ts";
import { isShallow, MAX_DEPTH } from "./shallow.ts";
import { MAX_TOOLS } from "./tool-facts.ts";

/** From the start of a program to the end of its handshake: some load a model first. Unit: milliseconds. */
const CONNECT_TIMEOUT_MS = 30_000;
/** One page of a list. Unit: milliseconds. */
const PAGE_TIMEOUT_MS = 10_000;
/** Pages of one list; a server that always has a next one never ends. */
const MAX_PAGES = 100;
/** Of the question whether a session is still there. Unit: milliseconds. */
const PING_TIMEOUT_MS = 5_000;
/** All pages together: a list that takes longer ends where it is. Unit: milliseconds. */
const LIST_TIMEOUT_MS = 60_000;
/** All pages together: what a server lists is kept as long as it runs. Unit: UTF-16 code units of the JSON. */
const MAX_LIST_LENGTH = 8 * 1024 * 1024;
/** Progress of one call that is passed on at once, and in each millisecond afterwards; the rest is left out. */
const BURST_PROGRESS = 20;
const PROGRESS_PER_MS = 0.01;
/** Unit: UTF-16 code units. */
const MAX_PROGRESS_TEXT = 1_000;
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
 * in a new one; busy, down = it was not run, because the server has too much to read or is gone; unknown = it may have run.
 */
export type ForeignOutcome =
  | { readonly kind: "result"; readonly result: CallToolResult }
  | { readonly kind: "refused" }
  | { readonly kind: "asks" }
  | { readonly kind: "useless"; readonly why: "large" | "blocks" | "shape" }
  | { readonly kind: "lost" }
  | { readonly kind: "busy" }
  | { readonly kind: "down" }
  | { readonly kind: "unknown" };

/** A handshake that succeeded. */
export interface Connection {
  list(): Promise<RawListing>;
  call(call: ForeignCall): Promise<ForeignOutcome>;
  /** True when the server answers, whatever it says. */
  answers(): Promise<boolean>;
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
/** Blocks of content in one result: each is looked at by everybody on its way. */
const MAX_BLOCKS = 1_000;

/** What an answer to `tools/call` comes to. */
function outcomeOf(answer: Readonly<Record<string, unknown>>): ForeignOutcome {
  if (!isShallow(answer, MAX_DEPTH)) return { kind: "useless", why: "shape" };
  const { resultType = "complete", content } = answer;
  // A question to the caller (MCP 2026-07-28, input required), or a task that nobody here would ask for again.
  if (resultType !== "complete" || "inputRequests" in answer || "task" in answer) return { kind: "asks" };
  if (Array.isArray(content) && content.length > MAX_BLOCKS) return { kind: "useless", why: "blocks" };
  // Several SDKs leave out what is empty, and all of them take that.
  const result = content === undefined && !("toolResult" in answer) ? { ...answer, content: [] } : answer;
  return isCallToolResult(result) ? { kind: "result", result } : { kind: "useless", why: "shape" };
}

/** The SDK would compile every output schema that a server lists; results are passed on, and checked by nobody but the client. */
const COMPILES_NOTHING = {
  getValidator: () => (input: unknown) => ({ valid: true, data: input, errorMessage: undefined }),
};

/** @returns null for what is nested too deeply to be written out again; whoever reads the tools leaves that one out. */
function written(tools: readonly unknown[]): string | null {
  try {
    return JSON.stringify(tools);
  } catch {
    return null;
  }
}

/** Passes on as much as a client that reads slowly can be kept waiting with. */
function bounded(onProgress: (progress: Progress) => void): (progress: Progress) => void {
  const pace = createPace(() => performance.now(), BURST_PROGRESS, PROGRESS_PER_MS);
  let readyAt = 0;
  return ({ message, ...known }) => {
    const now = performance.now();
    if (now < readyAt) return;
    readyAt = now + pace(1);
    onProgress(message === undefined ? known : { ...known, message: message.slice(0, MAX_PROGRESS_TEXT) });
  };
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
      const startedAt = performance.now();
      let length = 0;
      for (let pages = 1; ; pages++) {
        const params = cursor === undefined ? {} : { cursor };
        const answer = await client.request({ method: "tools/list", params }, page, { timeout: PAGE_TIMEOUT_MS });
        const text = written(answer.tools);
        length += text?.length ?? MAX_LINE_BYTES;
        if (length > MAX_LIST_LENGTH) {
          truncated = true;
          break;
        }
        // A page that was there already: the list goes round in a circle, as with a cursor that a server does not read.
        const digest = text === null ? null : hash("sha256", text, "hex");
        if (digest !== null && answer.tools.length > 0 && seen.has(digest)) break;
        if (digest !== null) seen.add(digest);
        tools.push(...answer.tools.slice(0, MAX_TOOLS - tools.length));
        const next = answer.nextCursor ?? undefined;
        truncated ||= tools.length >= MAX_TOOLS && answer.tools.length > 0 && next !== undefined;
        cursor = next;
        if (cursor === undefined) break;
        const late = performance.now() - startedAt > LIST_TIMEOUT_MS;
        if (pages >= MAX_PAGES || tools.length >= MAX_TOOLS || late) {
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
            ...(onProgress ? { onprogress: bounded(onProgress) } : {}),
          },
        );
        return outcomeOf(answer);
      } catch (cause) {
        if (cause instanceof NotRunError) return { kind: cause.kind };
        // An error of the protocol is the server's own answer; everything else says nothing about what it did.
        if (!(cause instanceof ProtocolError)) return { kind: "unknown" };
        if (cause.code === NO_ANSWER) return { kind: "unknown" };
        if (cause.code === ANSWER_USELESS) return { kind: "useless", why: "shape" };
        return cause.code === ANSWER_TOO_LARGE ? { kind: "useless", why: "large" } : { kind: "refused" };
      }
    },
    async answers() {
      try {
        await client.request({ method: "ping" }, anything, { timeout: PING_TIMEOUT_MS });
        return true;
      } catch (cause) {
        return cause instanceof ProtocolError && cause.code !== NO_ANSWER;
      }
    },
    close: () => client.close(),
  };
}

const WHY: Readonly<Record<string, string>> = {
  [SdkErrorCode.RequestTimeout]: "did not answer in time when it was started, or when it was asked for its tools",
  [SdkErrorCode.ConnectionClosed]: "ended before it had said which tools it has",
  [SdkErrorCode.InvalidResult]: "has no list of tools as MCP describes it",
};

/** Why a server did not come up, or is asked no more, in our words. @returns null where its transport has said it. */
export function whyOf(cause: unknown): string | null {
  if (cause instanceof ProtocolError) {
    if (cause.code === ANSWER_TOO_LARGE) return "has a list of tools with more than 2 MiB on a page";
    if (cause.code === NO_ANSWER) return null;
    return "refused the handshake, or to say which tools it has";
  }
  if (cause instanceof SdkError) return WHY[cause.code] ?? null;
  // The SDK has no code for it.
  const isVersion = cause instanceof Error && cause.message.startsWith("Server's protocol version is not supported");
  return isVersion ? "speaks a revision of MCP that is not known here" : null;
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
