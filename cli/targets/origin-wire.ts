/** One raw HTTP request to an origin: headers as they are written, repeated ones too, and a body that may never come. Sends to one host. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";

/** What is sent. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  /** Name, value, name, value, …: nothing is added but Host and what the body needs. */
  readonly headers?: readonly string[];
  readonly body?: string;
  /** Announces a body of this length and never sends it. Unit: bytes. */
  readonly withheld?: number;
}
/** What came back. */
export interface RawAnswer {
  /** 0 = no answer. */
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Unit: milliseconds. */
const TIMEOUT_MS = 10_000;
/** Unit: bytes. */
const MAX_ANSWER = 4 * 1024 * 1024;
const NOTHING: RawAnswer = { status: 0, headers: {}, body: "" };

/** Sends one request on a connection of its own. Never throws: no answer is an answer. @param base without a trailing slash */
export function sendRaw(base: string, sent: RawRequest, signal: AbortSignal): Promise<RawAnswer> {
  const { method, path, headers = [], body, withheld } = sent;
  const url = new URL(base);
  const { promise, resolve } = Promise.withResolvers<RawAnswer>();
  const length = withheld ?? (body === undefined ? null : Buffer.byteLength(body));
  const outgoing = (url.protocol === "https:" ? httpsRequest : httpRequest)(
    {
      hostname: url.hostname,
      port: url.port,
      path: `${url.pathname.replace(/\/$/, "")}${path}`,
      method,
      agent: false,
      headers: [
        "host",
        url.host,
        "connection",
        "close",
        ...headers,
        ...(length === null ? [] : ["content-length", `${length}`]),
      ],
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    },
    (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER) incoming.destroy();
        else chunks.push(chunk);
      });
      incoming.once("close", () => {
        const known = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]);
        resolve({
          status: incoming.statusCode ?? 0,
          headers: Object.fromEntries(known) as Record<string, string>,
          body: Buffer.concat(chunks).toString("utf8"),
        });
        outgoing.destroy();
      });
    },
  );
  outgoing.once("error", () => resolve(NOTHING));
  if (withheld === undefined) outgoing.end(body);
  else outgoing.flushHeaders();
  return promise;
}
