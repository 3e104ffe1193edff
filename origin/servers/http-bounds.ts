/** What of an HTTP answer is taken: its size, its pace, its session's name. Pure but for the clock that paces. */
import { setTimeout as sleep } from "node:timers/promises";
import { createPace, type Pace } from "./pace.ts";

/** One answer of a server, after it was decompressed. Unit: bytes. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024;
/** Lines of a server's event streams that are taken at once, and per millisecond afterwards; the rest waits in its connections. */
const BURST_LINES = 800;
const LINES_PER_MS = 4;
/** Between two attempts to go on with an event stream, whatever `retry` says. Unit: milliseconds. */
const MIN_RESUME_MS = 1_000;
const MAX_RESUME_MS = 30_000;
/** What MCP allows (visible ASCII), in a length that a header has room for. */
const SESSION_ID = /^[\x21-\x7e]{1,4096}$/;

/**
 * Statuses that say that a request was not taken. Others (408, 5xx, redirects) may come from somebody in between, after it was passed on.
 */
const NOT_TAKEN = new Set([400, 401, 403, 404, 405, 406, 411, 413, 415, 421, 429, 431]);
/** Codes of the system, of undici and of TLS for a connection that never came up, so that nothing was sent. */
const NOT_CONNECTED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_.+|.*CERT.*|.*ISSUER.*)$/;

/** True for a session that may be named in a header. */
export const isSessionId = (id: string): boolean => SESSION_ID.test(id);

/** True when a server that answers with this status did not run what it was asked for. */
export const isNotTaken = (status: number): boolean => NOT_TAKEN.has(status);

/**
 * True when this may stand for a session that is gone: MCP says 404, and several servers say 400. A server that answers something else in
 * the same session has lost none.
 */
export const mayBeLost = (status: number): boolean => status === 404 || status === 400;

/** What failed below a request that failed. */
const innerOf = (cause: unknown): { readonly code?: unknown; readonly syscall?: unknown } | null =>
  (cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause) as never;

/** @returns the code of why a request failed; "" = it says none. Never words of the server. */
export function codeOf(cause: unknown): string {
  const code = innerOf(cause)?.code;
  return typeof code === "string" && /^[A-Z0-9_]{1,64}$/.test(code) ? code : "";
}

/** True when nothing of a request was sent. A connection that is up may fail with the same codes, while it is read or written. */
export function isNotConnected(cause: unknown): boolean {
  const syscall = innerOf(cause)?.syscall;
  return syscall !== "read" && syscall !== "write" && NOT_CONNECTED.test(codeOf(cause));
}

/** When an event stream that ended is gone on with. Unit: milliseconds. */
export const resumePause = (asked: number): number =>
  Math.min(Math.max(Number.isFinite(asked) ? asked : MAX_RESUME_MS, MIN_RESUME_MS), MAX_RESUME_MS);

/** One pace for all event streams of a server, however many it has. @param now monotonic, in milliseconds */
export const createLinePace = (now: () => number): Pace => createPace(now, BURST_LINES, LINES_PER_MS);

/**
 * The body, ended with an error as soon as it is larger than an answer may be.
 * @param onTooLarge called once, before the error
 * @param pace of an event stream, whose every message is dealt with by itself; null = it is one message
 */
export function bounded(
  body: ReadableStream<Uint8Array>,
  onTooLarge: () => void,
  pace: Pace | null,
): ReadableStream<Uint8Array> {
  let size = 0;
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      async transform(chunk, controller) {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) {
          onTooLarge();
          controller.error(new Error("the answer is too large"));
          return;
        }
        const early = pace === null ? 0 : pace(linesOf(chunk));
        if (early > 0) await sleep(early, undefined, { ref: false });
        controller.enqueue(chunk);
      },
    }),
  );
}

function linesOf(chunk: Uint8Array): number {
  let lines = 0;
  for (const byte of chunk) if (byte === 10 || byte === 13) lines++;
  return lines;
}
