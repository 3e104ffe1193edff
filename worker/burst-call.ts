/**
 * One question to a burst object and its answer, both ends. A fetch whose terms stand in the path and whose verdict stands in a header:
 * there is no body to wait for, and no session of RPC. The ends may be of different versions while a deployment is under way: what is
 * added to either stands behind what there is, and an object goes on answering what the version before it asks.
 */
import type { BurstCounter, BurstVerdict } from "./burst.ts";

/** What a user may take from one count. */
export interface Terms {
  /** Requests per second. */
  readonly rate: number;
  /** Requests that may start at once. */
  readonly depth: number;
  /** Most requests to charge at once. */
  readonly lease: number;
  /** How far ahead a start may be promised. Unit: milliseconds. */
  readonly waitMs: number;
}

/** What stands for an object at a caller's. */
export interface BurstObject {
  fetch(url: string): Promise<Response>;
}

const VERDICT_HEADER = "x-verdict";
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0;

/** @throws what the platform throws when the object does not answer, and when what answers is no burst object. */
export async function askBurst(object: BurstObject, { rate, lease, depth, waitMs }: Terms): Promise<BurstVerdict> {
  const { headers } = await object.fetch(`http://burst/${rate}/${lease}/${depth}/${waitMs}`);
  return JSON.parse(headers.get(VERDICT_HEADER) ?? "") as BurstVerdict;
}

/** @param url of the question @param now milliseconds since the epoch @throws {TypeError} for terms that are none */
export function answerBurst(counter: BurstCounter, url: string, now: number): Response {
  const [rate = 0, lease = 0, depth = 0, waitMs = Number.NaN] = url.split("/").slice(3).map(Number);
  const verdict = JSON.stringify(takeBurst(counter, { rate, lease, depth, waitMs }, now));
  return new Response(null, { headers: { [VERDICT_HEADER]: verdict } });
}

/** @param now milliseconds since the epoch @throws {TypeError} for terms that are none */
export function takeBurst(counter: BurstCounter, { rate, lease, depth, waitMs }: Terms, now: number): BurstVerdict {
  if (![rate, lease, depth].every(isCount) || !(waitMs >= 0)) throw new TypeError("rate, lease and depth are counts");
  return counter.take(now, rate, lease, depth, waitMs);
}
