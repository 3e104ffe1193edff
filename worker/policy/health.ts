/** What the cron run knows about an origin and when that is worth one of KV's few writes. Pure. */
import { DENY_HEADER } from "../../contract/headers.ts";
import { HEALTH_RENEW_MS } from "../constants.ts";
import { isRecord } from "../../contract/json.ts";

export type HealthState = "up" | "down" | "draining";

/** Value of `org:<name>` in KV; absent = up. */
export interface Health {
  readonly state: HealthState;
  /** ISO 8601, start of this state. */
  readonly since: string;
  /** Short and ours: an HTTP status or "no answer". */
  readonly reason: string;
  /** ISO 8601, when this entry was written; absent in entries of older versions. */
  readonly writtenAt?: string;
}

/** Key in KV. */
export const healthKey = (origin: string): string => `org:${origin}`;

/** @returns null when there is nothing that can be read. */
export function parseHealth(text: string | null): Health | null {
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (!isRecord(value)) return null;
    const { state, since, reason, writtenAt } = value;
    if (state !== "up" && state !== "down" && state !== "draining") return null;
    if (typeof since !== "string" || typeof reason !== "string") return null;
    return { state, since, reason, ...(typeof writtenAt === "string" ? { writtenAt } : {}) };
  } catch {
    return null;
  }
}

/** @param response of the readiness path; null = no answer in time */
export function judgeHealth(
  response: { readonly status: number; readonly headers: Headers } | null,
): Pick<Health, "state" | "reason"> {
  if (!response) return { state: "down", reason: "no answer" };
  if (response.status === 200) return { state: "up", reason: "200" };
  const draining = response.status === 503 && response.headers.get(DENY_HEADER) === "draining";
  return { state: draining ? "draining" : "down", reason: String(response.status) };
}

/**
 * What to write: on a transition, and again halfway to its expiry while the origin is not up, so that the entry outlives an outage
 * and a day of outage costs no more than a few dozen of KV's thousand free writes.
 * @returns null when nothing has to be written
 */
export function transition(before: Health | null, seen: Pick<Health, "state" | "reason">, at: string): Health | null {
  const state = before?.state ?? "up";
  if (seen.state !== state) return { ...seen, since: at, writtenAt: at };
  if (state === "up") return null;
  const age = Date.parse(at) - Date.parse(before?.writtenAt ?? "");
  // An age that cannot be told is not young.
  return age < HEALTH_RENEW_MS ? null : { ...seen, since: before?.since ?? at, writtenAt: at };
}
