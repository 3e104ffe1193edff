/**
 * The public side of an app: a streaming reverse proxy on a loopback listener. The platform picks the instance; nothing is
 * buffered, duplicate headers stay duplicate, and a client that goes away takes its request at the instance with it.
 * Never retries and never invents an answer of an origin: its own pages carry no X-Mcpist-Origin header.
 */
import { Agent, createServer, type IncomingMessage, request as send, type ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { OriginKind } from "../../contract/platforms.ts";
import type { FaultEffect } from "./faults.ts";
import { type Listener, listenServer, type VendorContext } from "./vendor.ts";

/** Headers that belong to one connection (RFC 9110 §7.6.1). `transfer-encoding` is kept on requests: it frames the body. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
]);
/** What every instance is told: here, the gateway's requests come from this address, as Cloudflare's come from its ranges. */
export const GATEWAY_ENVIRONMENT = { GATEWAY_RANGES: "127.0.0.1/32" } as const;
/** Whoever calls from any other loopback address than the first comes from outside Cloudflare. */
export const OUTSIDE_ADDRESS = "127.0.0.2";

/** The client's address as a platform attests it: one of a network for documentation (RFC 5737) for everybody from outside. */
function clientAddress(request: IncomingMessage): string {
  const address = (request.socket.remoteAddress ?? "127.0.0.1").replace(/^::ffff:/, "");
  return address === "127.0.0.1" ? address : address.replace(/^127\.\d+\.\d+\./, "203.0.113.");
}

/** Written by a platform's proxy and by nobody else. */
const ATTESTED: Readonly<Record<EdgeOptions["platform"], ReadonlySet<string>>> = {
  koyeb: HOP_BY_HOP,
  fly: new Set([...HOP_BY_HOP, "fly-client-ip"]),
};
/** How long an answer that a fault replaces may still arrive. Unit: milliseconds. */
const SWALLOW_MS = 1_000;

/** An instance keeps an idle connection four times as long: the one who sends is the one who closes. Unit: milliseconds. */
const IDLE_CONNECTION_MS = 30_000;

/** The way to one instance: its port, its idle connections, and how many exchanges are under way. */
export class Backend {
  readonly agent = new Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS });
  readonly port: number;
  #open = 0;
  #idle = Promise.withResolvers<void>();

  constructor(port: number) {
    this.port = port;
    this.#idle.resolve();
  }
  get open(): number {
    return this.#open;
  }
  begin(): void {
    if (this.#open++ === 0) this.#idle = Promise.withResolvers();
  }
  end(): void {
    if (--this.#open === 0) this.#idle.resolve();
  }
  /**
   * Resolves when no exchange is under way, at the latest after `maxMs`; then drops the connections, unless the instance is
   * `wanted` again by then: it would lose requests that came to it after all.
   */
  async drain(maxMs: number, wanted: () => boolean = () => false): Promise<void> {
    const late = new AbortController();
    await Promise.race([
      this.#idle.promise,
      sleep(maxMs, undefined, { signal: late.signal, ref: false }).catch(() => undefined),
    ]);
    late.abort();
    if (!wanted()) this.agent.destroy();
  }
}

/** Where a request goes: to an instance (see {@link to}), or nowhere, with the platform's own page. */
export type Route =
  | { readonly kind: "forward"; readonly backend: Backend }
  | { readonly kind: "page"; readonly status: number; readonly text: string };

/** A platform's answer of its own. */
export const page = (status: number, text: string): Extract<Route, { kind: "page" }> => ({
  kind: "page",
  status,
  text,
});

/** Sends a request to an instance. Counts it at once: an instance that is chosen may not be stopped before it was asked. */
export function to(backend: Backend): Route {
  backend.begin();
  return { kind: "forward", backend };
}

/** What differs between platforms. */
export interface EdgeOptions {
  /** Name of the listener for {@link VendorContext.port}; null = any port. */
  readonly listener: string | null;
  /** Whose edge it is: the `server` response header of its own pages, and the platform of fault rules. */
  readonly platform: OriginKind;
  /** May take its time, as waking an instance does. */
  readonly route: (request: IncomingMessage) => Promise<Route>;
}

const isLate = (effect: FaultEffect): boolean => effect.kind !== "delay" && effect.when !== "before";

/** @returns true when the exchange is over. */
async function suffer(effect: FaultEffect, options: EdgeOptions, response: ServerResponse): Promise<boolean> {
  if (effect.kind === "status") {
    const { status, retryAfterSeconds } = effect;
    if (retryAfterSeconds !== undefined) response.setHeader("retry-after", String(retryAfterSeconds));
    answer(page(status, "fault injected by the sandbox"), options, response);
    return true;
  }
  if (effect.kind !== "reset") await sleep(effect.ms, undefined, { ref: false });
  if (effect.kind === "delay") return false;
  response.destroy();
  return true;
}

function answer(route: Extract<Route, { kind: "page" }>, options: EdgeOptions, response: ServerResponse): void {
  if (response.destroyed) return;
  response.writeHead(route.status, { "content-type": "text/plain; charset=utf-8", server: options.platform });
  response.end(`${route.text}\n`);
}

/** `name, value, name, value, …` without the headers of the connection. */
function endToEnd(raw: readonly string[], drop: ReadonlySet<string> = HOP_BY_HOP): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name = "", value = ""] = [raw[i], raw[i + 1]];
    if (!drop.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}

const RESPONSE_DROP: ReadonlySet<string> = new Set([...HOP_BY_HOP, "transfer-encoding"]);

function forward(
  route: Extract<Route, { kind: "forward" }>,
  late: readonly FaultEffect[],
  options: EdgeOptions,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { backend } = route;
  const headers = endToEnd(request.rawHeaders, ATTESTED[options.platform]);
  const address = clientAddress(request);
  headers.push("x-forwarded-for", address, "x-forwarded-proto", "https");
  if (options.platform === "fly") headers.push("fly-client-ip", address);
  const { method, url: path } = request;
  const upstream = send({ host: "127.0.0.1", port: backend.port, method, path, headers, agent: backend.agent });
  upstream.once("close", () => backend.end());
  upstream.once("error", () => {
    if (late.length > 0 && !response.headersSent) void sufferAll(late, options, response);
    else if (!response.headersSent) answer(page(502, "the instance did not answer"), options, response);
    else response.destroy();
  });
  upstream.once("response", (incoming) => {
    if (late.length > 0) {
      incoming.resume();
      setTimeout(() => incoming.destroy(), SWALLOW_MS).unref();
      void sufferAll(late, options, response);
      return;
    }
    response.writeHead(
      incoming.statusCode ?? 502,
      incoming.statusMessage,
      endToEnd(incoming.rawHeaders, RESPONSE_DROP),
    );
    // The first byte of an event stream may come much later than its headers.
    response.flushHeaders();
    pipeline(incoming, response, () => {
      // An instance that breaks off is passed on as a broken answer: pipeline has destroyed the response.
    });
  });
  response.once("close", () => {
    if (!response.writableFinished) upstream.destroy();
  });
  request.pipe(upstream);
}

async function sufferAll(
  effects: readonly FaultEffect[],
  options: EdgeOptions,
  response: ServerResponse,
): Promise<boolean> {
  for (const effect of effects) if (await suffer(effect, options, response)) return true;
  return false;
}

/** Opens the public listener of an app. @throws when the port is taken. */
export async function startEdge(context: VendorContext, options: EdgeOptions): Promise<Listener> {
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { effects } = context.faults.record("origin", request.method ?? "GET", request.url ?? "/", options.platform);
    const early = effects.filter((effect) => !isLate(effect));
    if (early.length > 0 && (await sufferAll(early, options, response))) return;
    const route = await options.route(request);
    if (route.kind === "page") answer(route, options, response);
    else if (response.destroyed) route.backend.end();
    else forward(route, effects.filter(isLate), options, request, response);
  };
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      context.log(`sandbox: ${options.platform} edge: ${error instanceof Error ? error.message : "unknown error"}`);
      if (!response.headersSent) answer(page(502, "the platform could not route this request"), options, response);
      else response.destroy();
    });
  });
  return listenServer(server, options.listener === null ? 0 : context.port(options.listener));
}
