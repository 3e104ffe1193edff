/** Carries one HTTP request from the public side of the edge into a running version and its answer back, streaming both ways. */
import { request, type ClientRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Instance } from "./instance.ts";

/** Headers that belong to one connection, and headers that only the edge may set. */
const NOT_FORWARDED =
  /^(connection|keep-alive|proxy-connection|upgrade|te|cf-.*|mf-.*|true-client-ip|x-real-ip|x-forwarded-(for|proto|host)|cdn-loop)$/i;
const NOT_RETURNED = /^(connection|keep-alive|transfer-encoding)$/i;

function filtered(raw: readonly string[], drop: RegExp): string[] {
  const kept: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const [name = "", value = ""] = raw.slice(index, index + 2);
    if (!drop.test(name)) kept.push(name, value);
  }
  return kept;
}

/** What the edge adds to a request. */
export interface EdgeHeaders {
  /** From the socket; whatever the client claimed is dropped. */
  readonly clientAddress: string;
  readonly ray: string;
  readonly edge: string;
}

function edgeHeaders({ clientAddress, ray, edge }: EdgeHeaders): string[] {
  const cf = JSON.stringify({ colo: edge, country: "XX", httpProtocol: "HTTP/1.1" });
  return [
    "CF-Connecting-IP",
    clientAddress,
    "X-Forwarded-For",
    clientAddress,
    "X-Forwarded-Proto",
    "http",
    "CF-Ray",
    ray,
    "MF-CF-Blob",
    cf,
  ];
}

/** The remote address of a socket, without the IPv4-in-IPv6 prefix. */
export const addressOf = (socket: Socket): string => (socket.remoteAddress ?? "127.0.0.1").replace(/^::ffff:/, "");

/** Answers with one of the edge's own pages. */
export function answer(
  outgoing: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (outgoing.headersSent || outgoing.destroyed) {
    outgoing.destroy();
    return;
  }
  outgoing.writeHead(status, { "content-type": "text/plain; charset=utf-8", server: "cloudflare", ...headers });
  outgoing.end(`${text}\n`);
}

/** What happens to the answer of the Worker once it is there; null passes it on. */
export type AnswerFault = () => Promise<void>;

/**
 * Resolves when the exchange is over, in whatever way it ended; it never rejects.
 * A client that leaves ends the request inside the Worker; a Worker that breaks off ends the connection of the client.
 */
export function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  instance: Pick<Instance, "port">,
  edge: EdgeHeaders,
  fault: AnswerFault | null,
): Promise<void> {
  return new Promise((resolve) => {
    const open = () =>
      request({
        host: "127.0.0.1",
        port: instance.port,
        // One connection each: workerd closes what was idle for five seconds by its own clock, and where the machine stands still no
        // clock of ours says whether it is about to. A kept connection costs 0.1 ms less, and now and then a request.
        agent: false,
        method: incoming.method ?? "GET",
        path: incoming.url ?? "/",
        setHost: false,
        headers: [...filtered(incoming.rawHeaders, NOT_FORWARDED), ...edgeHeaders(edge)],
      });
    const body = new SentBody(incoming);
    let upstream = open();
    let answered: IncomingMessage | null = null;
    const passOn = (response: IncomingMessage): void => {
      answered = response;
      // Not before: a request and its answer may stream at the same time.
      response.once("end", () => body.discard(upstream));
      if (fault) {
        response.resume();
        void fault().finally(resolve);
        return;
      }
      outgoing.writeHead(response.statusCode ?? 502, response.statusMessage, [
        ...filtered(response.rawHeaders, NOT_RETURNED),
        "CF-Ray",
        edge.ray,
        "Server",
        "cloudflare",
      ]);
      outgoing.flushHeaders();
      response.pipe(outgoing);
      response.once("error", () => outgoing.destroy());
      response.once("close", () => {
        if (!response.complete) outgoing.destroy();
      });
    };
    const fail = (): void => {
      body.discard(upstream);
      if (!answered) answer(outgoing, 502, "error code: 502", { "cf-ray": edge.ray });
      else if (!answered.complete) outgoing.destroy();
    };
    upstream.once("response", passOn);
    upstream.once("error", () => {
      if (answered || fault || outgoing.destroyed || !body.isLarge) return fail();
      upstream = body.ask(open);
      upstream.once("response", passOn);
      upstream.once("error", fail);
    });
    outgoing.once("close", () => {
      // A reset, because workerd takes a connection that was only closed for a client that still listens.
      if (!outgoing.writableFinished) upstream.socket?.resetAndDestroy();
      if (!outgoing.writableFinished) upstream.destroy();
      resolve();
    });
    incoming.once("error", () => upstream.destroy());
    body.pipe(upstream);
  });
}

/** Smaller bodies are read to their end by the runtime, whatever the Worker makes of them. Unit: bytes. */
const LARGE_BYTES = 64 * 1024;
/** A little more than the Worker takes, and less more than the runtime reads away after an answer. Unit: bytes. */
const ASKED_BYTES = 4 * 1024 * 1024 + 32 * 1024;
/** Longest wait for an answer to {@link SentBody.ask}. Unit: milliseconds. */
const ASK_TIMEOUT_MS = 10_000;

/**
 * The body of a request on its way into the Worker. The Worker may answer before it has read all of it; the runtime then closes the
 * connection, the rest that is on its way resets it, and the answer is lost in the reset. Cloudflare's edge does not lose it, so the
 * sandbox's asks once more, with so much of the body that there is something to refuse and nothing left over.
 */
class SentBody {
  readonly #incoming: IncomingMessage;
  readonly #declared: number;
  readonly #sent: Buffer[] = [];
  #size = 0;

  constructor(incoming: IncomingMessage) {
    this.#incoming = incoming;
    this.#declared = Number(incoming.headers["content-length"] ?? 0);
  }

  get isLarge(): boolean {
    return Math.max(this.#declared, this.#size) > LARGE_BYTES;
  }

  pipe(upstream: ClientRequest): void {
    this.#incoming.on("data", (chunk: Buffer) => {
      if (this.#size < ASKED_BYTES) this.#sent.push(chunk);
      this.#size += chunk.length;
    });
    this.#incoming.pipe(upstream);
  }

  /** What still comes is read and thrown away: the client shall get its answer, and its connection stays good. */
  discard(upstream: ClientRequest): void {
    if (this.#incoming.complete) return;
    this.#incoming.unpipe(upstream);
    this.#incoming.resume();
  }

  /** The request again: with a declared length nothing of the body, else what was sent, up to {@link ASKED_BYTES}. */
  ask(open: () => ClientRequest): ClientRequest {
    const upstream = open();
    upstream.setTimeout(ASK_TIMEOUT_MS, () => upstream.destroy());
    if (this.#declared > 0) upstream.flushHeaders();
    else upstream.write(Buffer.concat(this.#sent).subarray(0, ASKED_BYTES));
    return upstream;
  }
}
