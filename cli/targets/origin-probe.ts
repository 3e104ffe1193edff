/** Asks one origin, through its public address, what it accepts. Sends no secret. */
import { jsonWithin } from "../../contract/bounded-body.ts";
import type { Origin } from "../../contract/config.ts";
import { OBSERVATION_PATH } from "../../contract/headers.ts";
import { LONGEST_REPORT, parseOriginObservation, type OriginObservation } from "../../contract/observation.ts";
import type { Context } from "../context.ts";
import { machineFault } from "../errors.ts";
import { hopeless } from "./no-answer.ts";

/** Unit: milliseconds. Long enough for a cold start behind the request. */
const PROBE_TIMEOUT_MS = 20_000;
/** Whoever asks again and again anyway. Unit: milliseconds. */
export const PEEK_TIMEOUT_MS = 5000;

/**
 * Asks one instance, whichever answers. Null when nothing that is an origin of ours did.
 * @param timeoutMs how long it may take at most.
 * @throws {McpistError} ERR_MACHINE; ERR_UNREACHABLE where nothing has ever answered and waiting would change nothing.
 */
export type OriginProbe = (
  headers?: Readonly<Record<string, string>>,
  timeoutMs?: number,
) => Promise<OriginObservation | null>;

/** The origin at `url`. One that joins may have no address yet: then nothing answers there, as with one that cannot start yet. */
export function originProbe(context: Context, { url, state }: Pick<Origin, "url" | "state">): OriginProbe {
  // What has answered is there: what DNS says afterwards is about this moment.
  let answered = false;
  return async (headers = {}, timeoutMs = PROBE_TIMEOUT_MS) => {
    try {
      return await probe(context, url, headers, timeoutMs, () => (answered = true));
    } catch (error) {
      context.signal.throwIfAborted();
      const fault = machineFault(error) ?? (answered || state === "joining" ? null : hopeless(context, url, error));
      if (fault) throw fault;
      return null;
    }
  };
}

async function probe(
  context: Context,
  url: string,
  headers: Readonly<Record<string, string>>,
  timeoutMs: number,
  onAnswer: () => void,
): Promise<OriginObservation | null> {
  context.signal.throwIfAborted();
  const response = await context.fetch(url + OBSERVATION_PATH, {
    headers: { accept: "application/json", "cache-control": "no-cache", ...headers },
    redirect: "error",
    signal: AbortSignal.any([AbortSignal.timeout(Math.min(timeoutMs, PROBE_TIMEOUT_MS)), context.signal]),
  });
  onAnswer();
  if (response.status !== 200) {
    await response.body?.cancel();
    return null;
  }
  return parseOriginObservation(await jsonWithin(response, LONGEST_REPORT));
}
