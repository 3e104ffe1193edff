/** Reads that an emergency does not wait for. */
import { setTimeout as timer } from "node:timers/promises";
import type { OriginLook } from "./types.ts";

const OVER = Symbol("over");

/**
 * `work`, or `late` when it takes longer: what it still reads is nobody's business then. By this machine's own timer, whoever tells
 * the time otherwise. @param ms unit: milliseconds; not finite = as long as it takes.
 */
export async function inTime<T>(ms: number, work: Promise<T>, late: () => T): Promise<T> {
  if (!Number.isFinite(ms)) return work;
  const first = await Promise.race([work, timer(ms, OVER, { ref: false })]);
  return first === OVER ? late() : first;
}

/** What a look came to that took too long. */
export const LATE = (): OriginLook => ({ ok: false, reason: "its platform or its instances did not answer in time" });
