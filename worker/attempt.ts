/** One request to one origin, with its deadlines. Judges the answer; decides nothing about retries. */
import { MCP_PATH } from "../contract/headers.ts";
import type { ClientBody } from "./body.ts";
import { STREAM_IDLE_MS, TOTAL_MS, UPLOAD_MS } from "./constants.ts";
import type { Runtime } from "./env.ts";
import type { HeaderRecord } from "./policy/headers.ts";
import { verdict } from "./policy/verdict.ts";
import { endWhenIdle } from "./stream.ts";
import { LATE, within } from "./within.ts";

/**
 * Why an attempt brought no answer for the client. The origin's doing: network, timeout, platform, draining. Its word: busy, secret.
 * The client's doing: too-large, upload (its body came too slowly or broke off).
 */
export type Failure = "network" | "timeout" | "platform" | "draining" | "busy" | "secret" | "too-large" | "upload";

export type Outcome = { readonly ok: true; readonly response: Response } | { readonly ok: false; readonly failure: Failure };

/** A request under way. */
export interface Attempt {
  /** The response headers or a failure, whenever that is; never rejects. */
  readonly outcome: Promise<Outcome>;
  /** The same, but `timeout` when the origin is silent for too long after it has the whole request. Stops nothing. */
  readonly inTime: Promise<Outcome>;
  /** Gives the request up; the origin sees a closed connection, which MCP reads as cancellation. */
  readonly abort: () => void;
}

const failed = (failure: Failure): Outcome => ({ ok: false, failure });
const isStream = (response: Response): boolean => (response.headers.get("content-type") ?? "").startsWith("text/event-stream");

/** Sends one request. @param url of the origin, without the path @param firstByteMs until the response headers */
export function attempt(runtime: Runtime, url: string, headers: HeaderRecord, body: ClientBody, firstByteMs: number): Attempt {
  const controller = new AbortController();
  const outcome = fetchOutcome(runtime, url, headers, body, controller);
  return { outcome, inTime: deadline(outcome, body, firstByteMs), abort: () => controller.abort() };
}

async function fetchOutcome(
  runtime: Runtime,
  url: string,
  headers: HeaderRecord,
  body: ClientBody,
  controller: AbortController,
): Promise<Outcome> {
  try {
    const payload = body.kind === "bytes" ? body.bytes : body.stream;
    const response = await runtime.fetch(url + MCP_PATH, {
      method: "POST",
      headers,
      body: payload,
      redirect: "manual",
      signal: controller.signal,
    });
    const judged = verdict(response.status, response.headers);
    if (judged !== "answer") {
      await response.body?.cancel().catch(() => undefined);
      return failed(judged);
    }
    if (!response.body) return { ok: true, response };
    if (isStream(response)) return { ok: true, response: new Response(endWhenIdle(response.body, STREAM_IDLE_MS), response) };
    // The timer may outlive the answer: aborting a finished fetch does nothing.
    setTimeout(() => controller.abort(), TOTAL_MS);
    return { ok: true, response };
  } catch {
    return failed(clientFault(body) ?? "network");
  }
}

/** A body that broke off on the client's side also breaks the request to the origin, which is not to blame. */
function clientFault(body: ClientBody): Failure | null {
  const fate = body.kind === "stream" ? body.fate() : "sent";
  return fate === "too-large" ? "too-large" : fate === "broken" ? "upload" : null;
}

/** The clock for the origin starts when it has the whole request: a slow client must not make an origin look dead. */
async function deadline(outcome: Promise<Outcome>, body: ClientBody, firstByteMs: number): Promise<Outcome> {
  if (body.kind === "stream") {
    const sent = await within(Promise.race([outcome, body.ended]), UPLOAD_MS);
    if (sent === LATE) return failed("upload");
    if (sent) return sent;
    const fault = clientFault(body);
    if (fault) return failed(fault);
  }
  const settled = await within(outcome, firstByteMs);
  return settled === LATE ? failed("timeout") : settled;
}
