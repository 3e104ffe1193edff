/**
 * MCP over streamable HTTP to a server beside the origin. Every request says for whom it is made and carries the server's own
 * credential; the client's token never gets here. Answers are bounded while they are read, redirects are not followed, and a request
 * that is over (answered, cancelled, given up) holds no connection.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import {
  StreamableHTTPClientTransport,
  type JSONRPCMessage,
  type Transport,
  type TransportSendOptions,
} from "@modelcontextprotocol/client";
import { REQUEST_ID_HEADER, USER_ID_HEADER } from "../../contract/headers.ts";
import type { Secret } from "../modules/secret.ts";
import {
  bounded,
  codeOf,
  createLinePace,
  isNotConnected,
  isNotTaken,
  mayBeLost,
  isSessionId,
  resumePause,
} from "./http-bounds.ts";
import { NO_ANSWER, NotRunError } from "./no-answer.ts";

/** An access token of the user at the provider that the server's configuration names. */
const ACCOUNT_HEADER = "x-mcpist-account-token";
/** A notification, to the end of what the server answers to it. Unit: milliseconds. */
const NOTIFY_TIMEOUT_MS = 10_000;
/** For the end of a session, and for the end of a stream whose answer came. Unit: milliseconds. */
const GRACE_MS = 1_000;

/** For whom something is sent. */
export interface OnBehalf {
  readonly userId: string;
  /** UUIDv7; null = it belongs to no call, as the opening of a session that lasts longer than one. */
  readonly requestId: string | null;
  /** The user's token at a provider, or null. */
  readonly account: Secret | null;
}

/** Set while a call is made, so that a connection that all users share sends each call in the name of its user. */
export const onBehalfOf = new AsyncLocalStorage<OnBehalf>();

/** A request that has no answer yet. */
interface Exchange {
  readonly over: AbortController;
  /** The answer is an event stream, which goes on after the headers. */
  streams: boolean;
  /** Of HTTP; null = none came yet. */
  status: number | null;
  /** For whom it is made; so is what gives it up, whoever does that. */
  readonly behalf: OnBehalf | undefined;
  /** Nothing more is waited for. */
  fail(): void;
}

/** The SDK's two ways to say that an option is not there. */
type SendOptions = Parameters<StreamableHTTPClientTransport["send"]>[1];

/** One session of one server. */
export class HttpTransport implements Transport {
  readonly hasPerRequestStream = true;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: Transport["onmessage"];
  readonly #inner: StreamableHTTPClientTransport;
  readonly #exchanges = new Map<string | number, Exchange>();
  readonly #current: AsyncLocalStorage<Exchange>;
  #closed: Promise<void> | null = null;

  constructor(url: string, request: (exchange: Exchange | undefined) => typeof fetch) {
    this.#current = new AsyncLocalStorage<Exchange>();
    this.#inner = new StreamableHTTPClientTransport(new URL(url), {
      fetch: (input, init) => request(this.#current.getStore())(input, init),
      reconnectionScheduler(resume, asked) {
        const timer = setTimeout(resume, resumePause(asked)).unref();
        return () => clearTimeout(timer);
      },
    });
    this.#inner.onclose = () => this.onclose?.();
    this.#inner.onerror = (error) => this.onerror?.(error);
    this.#inner.onmessage = (message) => this.#take(message);
  }

  /** How many requests are kept because they have no answer yet. */
  get unanswered(): number {
    return this.#exchanges.size;
  }

  get sessionId(): string | undefined {
    return this.#inner.sessionId;
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion(version);
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if ("method" in message && "id" in message) {
      await this.#request(message, options);
      return;
    }
    // Whatever a server answers to a notification, and however slowly: nobody waits for it for long.
    const requestSignal = AbortSignal.timeout(NOTIFY_TIMEOUT_MS);
    const send = (): Promise<void> => this.#inner.send(message, { ...options, requestSignal } as SendOptions);
    if (!("method" in message) || message.method !== "notifications/cancelled") return send();
    const id = message.params?.["requestId"] as string | number;
    const behalf = this.#exchanges.get(id)?.behalf;
    try {
      await (behalf ? onBehalfOf.run(behalf, send) : send());
    } finally {
      this.#end(id);
    }
  }

  /** Ends the session at the server as well, if it wants to hear of that. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      const waited = new AbortController();
      await Promise.race([
        this.#inner.terminateSession().catch(() => {}),
        sleep(GRACE_MS, undefined, { signal: waited.signal }).catch(() => {}),
      ]);
      waited.abort();
      for (const id of this.#exchanges.keys()) this.#end(id);
      await this.#inner.close();
    })();
    return this.#closed;
  }

  async #request(
    message: Extract<JSONRPCMessage, { method: string; id: unknown }>,
    options?: TransportSendOptions,
  ): Promise<void> {
    const { id } = message;
    options?.requestSignal?.throwIfAborted();
    const inSession = this.#inner.sessionId !== undefined;
    const exchange: Exchange = {
      over: new AbortController(),
      streams: false,
      status: null,
      behalf: onBehalfOf.getStore(),
      fail: () => {
        if (!this.#exchanges.has(id)) return;
        this.#end(id);
        this.onmessage?.({ jsonrpc: "2.0", id, error: { code: NO_ANSWER, message: "no answer" } });
      },
    };
    this.#exchanges.set(id, exchange);
    // In the newest revision nothing else says that a request was given up.
    options?.requestSignal?.addEventListener("abort", () => this.#end(id), { once: true });
    const own = exchange.over.signal;
    const requestSignal = options?.requestSignal ? AbortSignal.any([options.requestSignal, own]) : own;
    const onRequestStreamEnd = (): void => {
      options?.onRequestStreamEnd?.();
      exchange.fail();
    };
    try {
      await this.#current.run(exchange, () =>
        this.#inner.send(message, { ...options, requestSignal, onRequestStreamEnd } as SendOptions),
      );
    } catch (cause) {
      this.#end(id);
      if (message.method !== "tools/call") throw cause;
      const { status } = exchange;
      if (status === null ? isNotConnected(cause) : inSession && mayBeLost(status)) throw new NotRunError("lost");
      if (status !== null && isNotTaken(status)) throw new NotRunError("refused");
      throw cause;
    }
    // A whole answer, and not to what was asked.
    if (!exchange.streams) exchange.fail();
  }

  #take(message: JSONRPCMessage): void {
    if (!("method" in message)) {
      // Some servers make a text of every id. What answers nothing is nothing.
      const id = this.#exchanges.has(message.id ?? "") ? message.id : Number(message.id);
      const exchange = this.#exchanges.get(id ?? "");
      if (!exchange) return;
      this.#exchanges.delete(id ?? "");
      // Usually the stream ends by itself, and its connection is used again.
      if (exchange.streams) setTimeout(() => exchange.over.abort(), GRACE_MS).unref();
    }
    this.onmessage?.(message);
  }

  #end(id: unknown): void {
    const exchange = this.#exchanges.get(id as string | number);
    this.#exchanges.delete(id as string | number);
    exchange?.over.abort();
  }
}

/**
 * A new transport to `url`.
 * @param say takes a line for the operator: why the server is of no use, in our words
 */
export function httpTransport(
  url: string,
  credential: Secret | null,
  send: typeof fetch,
  say: (line: string) => void,
): HttpTransport {
  const pace = createLinePace(() => performance.now());
  const request =
    (exchange: Exchange | undefined): typeof fetch =>
    async (input, init) => {
      const headers = new Headers(init?.headers);
      if (credential) headers.set("authorization", `Bearer ${credential.reveal()}`);
      const call = onBehalfOf.getStore();
      if (call) {
        headers.set(USER_ID_HEADER, call.userId);
        if (call.requestId !== null) headers.set(REQUEST_ID_HEADER, call.requestId);
        if (call.account) headers.set(ACCOUNT_HEADER, call.account.reveal());
      }
      const refuse = (why: string): Error => {
        say(`mcpist: the server ${why}`);
        return new Error(why);
      };
      let response: Response;
      try {
        response = await send(input, { ...init, headers, redirect: "manual" });
      } catch (cause) {
        if (init?.signal?.aborted !== true) say(`mcpist: the server cannot be reached (${codeOf(cause) || "unknown"})`);
        throw cause;
      }
      const { status, statusText, body } = response;
      if (exchange) exchange.status = status;
      const over = (): void => void body?.cancel().catch(() => {});
      if (status >= 300 && status < 400) {
        over();
        throw refuse(`answers with a redirect (HTTP ${status}), which is not followed`);
      }
      const session = response.headers.get("mcp-session-id");
      if (session !== null && !isSessionId(session)) {
        over();
        throw refuse("names its session in a way that MCP does not allow");
      }
      // Servers of older revisions refuse the first question, and many have no stream and no end of a session.
      const usual = headers.get("mcp-method") === "server/discover" || init?.method !== "POST";
      if (!response.ok && !usual) say(`mcpist: the server answers with HTTP ${status}`);
      const type = response.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
      const streams = type === "text/event-stream";
      if (exchange && response.ok && streams) exchange.streams = true;
      if (!body) return response;
      // An error stays the error that it is, however much the server has to say about it.
      const tooLarge = (): void => (response.ok ? exchange?.fail() : undefined);
      return new Response(bounded(body, tooLarge, streams ? pace : null), {
        status,
        statusText,
        headers: response.headers,
      });
    };
  return new HttpTransport(url, request);
}
