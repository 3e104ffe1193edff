/** One request to one origin, with its deadlines. Judges the answer; decides nothing about retries. */
import { MCP_PATH } from "../contract/headers.ts";
import type { ClientBody, StreamedBody } from "./body.ts";
import { TOTAL_MS, UPLOAD_MS } from "./constants.ts";
import type { Runtime } from "./env.ts";
import { isStream } from "./answer.ts";
import type { HeaderRecord } from "./policy/crossing-headers.ts";
import { verdict, type Verdict } from "./policy/verdict.ts";
import { LATE, type Deadlines } from "./deadline.ts";

/**
 * Why an attempt brought no answer for the client. The origin's doing, perhaps: network, timeout, platform, draining, refused. Its
 * word: full, busy, secret. The client's doing: too-large, slow, upload (its body broke off).
 */
export type Failure = Exclude<Verdict, "answer"> | "network" | "timeout" | "too-large" | "slow" | "upload";

export type Outcome =
  | { readonly ok: true; readonly response: Response }
  | { readonly ok: false; readonly failure: Failure };

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

/** Sends one request. @param url of the origin, without the path @param firstByteMs until the response headers @param deadlines of the request */
export function attempt(
  runtime: Runtime,
  url: string,
  headers: HeaderRecord,
  body: ClientBody,
  firstByteMs: number,
  deadlines: Deadlines,
): Attempt {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const outcome = send(runtime, url, headers, body, controller.signal);
  return { outcome, inTime: inTime(outcome, body, firstByteMs, deadlines, abort), abort };
}

async function send(
  runtime: Runtime,
  url: string,
  headers: HeaderRecord,
  body: ClientBody,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const payload = body.kind === "bytes" ? body.bytes : body.stream;
    const response = await runtime.fetch(url + MCP_PATH, {
      method: "POST",
      headers,
      body: payload,
      redirect: "manual",
      signal,
    });
    const judged = verdict(response.status, response.headers);
    if (judged === "answer") return { ok: true, response };
    await response.body?.cancel().catch(() => undefined);
    return failed(judged);
  } catch {
    return failed(clientFault(body) ?? "network");
  }
}

/** A body that broke off on the client's side also breaks the request to the origin, which is not to blame. */
function clientFault(body: ClientBody): Failure | null {
  const fate = body.kind === "stream" ? body.fate() : "sent";
  if (fate === "too-large" || fate === "slow") return fate;
  return fate === "broken" ? "upload" : null;
}

/** Settles like `outcome`, or earlier. The origin's clock starts when it has the whole request: a slow client proves nothing. */
function inTime(
  outcome: Promise<Outcome>,
  body: ClientBody,
  firstByteMs: number,
  deadlines: Deadlines,
  abort: () => void,
): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  let settled: Outcome | null = null;
  const settle = (result: Outcome): void => {
    settled = result;
    resolve(result);
  };
  const startClock = (): void => {
    deadlines.after(firstByteMs, () => {
      resolve(failed("timeout"));
      deadlines.after(TOTAL_MS - firstByteMs, () => {
        if (!settled?.ok || !isStream(settled.response)) abort();
      });
    });
  };
  void outcome.then(settle);
  if (body.kind === "bytes") startClock();
  else void afterUpload(outcome, body, deadlines).then((fault) => (fault ? resolve(failed(fault)) : startClock()));
  return promise;
}

/** @returns null when the body is through, or when the origin answered before it was. */
async function afterUpload(
  outcome: Promise<Outcome>,
  body: StreamedBody,
  deadlines: Deadlines,
): Promise<Failure | null> {
  const end = await deadlines.within(Promise.race([outcome, body.ended]), UPLOAD_MS);
  return end === LATE ? "slow" : clientFault(body);
}
