/** Asks one origin, through its public address, what it accepts. Sends no secret. */
import { jsonWithin } from "../../contract/bounded-body.ts";
import { OBSERVATION_PATH } from "../../contract/headers.ts";
import { LONGEST_REPORT, parseOriginObservation, type OriginObservation } from "../../contract/observation.ts";
import type { Context } from "../context.ts";
import { machineFault } from "../errors.ts";

/** Unit: milliseconds. Long enough for a cold start behind the request. */
const PROBE_TIMEOUT_MS = 20_000;
/** Whoever asks again and again anyway. Unit: milliseconds. */
export const PEEK_TIMEOUT_MS = 5000;

/** @param timeoutMs how long it may take at most. @returns null when nothing that is an origin of ours answered. @throws {McpistError} ERR_MACHINE. */
export async function probeOrigin(
  context: Context,
  url: string,
  headers: Readonly<Record<string, string>> = {},
  timeoutMs: number = PROBE_TIMEOUT_MS,
): Promise<OriginObservation | null> {
  context.signal.throwIfAborted();
  try {
    const response = await context.fetch(url + OBSERVATION_PATH, {
      headers: { accept: "application/json", "cache-control": "no-cache", ...headers },
      redirect: "error",
      signal: AbortSignal.any([AbortSignal.timeout(Math.min(timeoutMs, PROBE_TIMEOUT_MS)), context.signal]),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      return null;
    }
    return parseOriginObservation(await jsonWithin(response, LONGEST_REPORT));
  } catch (error) {
    context.signal.throwIfAborted();
    const fault = machineFault(error);
    if (fault) throw fault;
    return null;
  }
}
