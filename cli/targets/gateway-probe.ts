/** Asks the gateway, through its public address, which secret it sends: any of its Worker's versions, or one by name. Sends no secret. */
import { jsonWithin } from "../../contract/bounded-body.ts";
import type { Environment } from "../../contract/config.ts";
import { OBSERVATION_PATH, VERSION_OVERRIDE_HEADER } from "../../contract/headers.ts";
import { LONGEST_REPORT, parseWorkerObservation, type WorkerObservation } from "../../contract/observation.ts";
import { gatewayUrl } from "../../contract/process-config.ts";
import type { Context } from "../context.ts";
import { machineFault, McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { whenLong } from "../waits.ts";
import { hopeless } from "./no-answer.ts";
import type { WorkerLook } from "./types.ts";

/** Unit: milliseconds. */
const OBSERVE_TIMEOUT_MS = 30_000;
const CALL_TIMEOUT_MS = 20_000;
const POLL_MS = 200;

/** The gateway of one environment. */
export function gatewayProbe(context: Context, environment: Environment) {
  const { worker } = environment.cloudflare;
  const gateway = gatewayUrl(environment);
  // What has answered is there: what DNS says afterwards is about this moment.
  let answered = false;
  /** Why nothing can answer there, as the last question showed. */
  let never: McpistError | null = null;

  const askGateway = async (
    query: string,
    headers: Readonly<Record<string, string>>,
    timeoutMs: number = CALL_TIMEOUT_MS,
  ): Promise<WorkerObservation | null> => {
    context.signal.throwIfAborted();
    try {
      const response = await context.fetch(`${gateway}${OBSERVATION_PATH}${query}`, {
        headers: { accept: "application/json", "cache-control": "no-cache", ...headers },
        redirect: "error",
        signal: AbortSignal.any([AbortSignal.timeout(Math.min(timeoutMs, CALL_TIMEOUT_MS)), context.signal]),
      });
      answered = true;
      never = null;
      return parseWorkerObservation(await jsonWithin(response, LONGEST_REPORT));
    } catch (error) {
      context.signal.throwIfAborted();
      const fault = machineFault(error);
      if (fault) throw fault;
      never = answered ? null : hopeless(context, gateway, error);
      return null;
    }
  };
  /** Asks one version of the deployment. Cloudflare routes by percentage when an override is not applied, so the answer must name the version. */
  const ask = async (versionId: string, query: string, timeoutMs?: number): Promise<WorkerObservation | null> => {
    const seen = await askGateway(query, { [VERSION_OVERRIDE_HEADER]: `${worker}="${versionId}"` }, timeoutMs);
    return seen?.deployment === versionId ? seen : null;
  };
  const askUntil = async (versionId: string, ms: number): Promise<WorkerObservation | null> => {
    const deadline = context.monotonic() + ms;
    for (;;) {
      const seen = await ask(versionId, "", ms);
      if (seen || never || context.monotonic() >= deadline) return seen;
      await context.sleep(POLL_MS);
    }
  };
  const observedWithin = (versionId: string, ms: number): Promise<WorkerObservation | null> =>
    whenLong(context, `the gateway: an answer of Worker version ${versionId}`, () => askUntil(versionId, ms));
  const observed = async (versionId: string): Promise<WorkerObservation> => {
    const seen = await observedWithin(versionId, OBSERVE_TIMEOUT_MS);
    if (seen) return seen;
    if (never) throw never;
    throw new McpistError("ERR_TIMEOUT", `${new URL(gateway).host} did not answer as Worker version ${versionId}`, {
      hint: HINTS.gatewayRoute(gateway, worker),
    });
  };
  return {
    /** Whichever version answers; null when nothing that is a gateway did. @throws {McpistError} ERR_MACHINE. */
    anybody: async (): Promise<WorkerObservation | null> => askGateway("", {}),
    /** What one version says of an origin; null when another one answered. @throws {McpistError} ERR_MACHINE. */
    about: async (versionId: string, origin: string): Promise<WorkerObservation | null> =>
      ask(versionId, `?origin=${encodeURIComponent(origin)}`),
    /** What one version says of itself. @throws {McpistError} ERR_TIMEOUT, ERR_MACHINE; ERR_UNREACHABLE where waiting would change nothing. */
    observed,
    /** Kids by version; a silent one is left out where there is a time for it. @throws {McpistError} as `observed` without one. */
    async kidsOf(ids: readonly string[], withinMs?: number): Promise<WorkerLook["observed"]> {
      const seen = await Promise.all(
        ids.map((id) => (withinMs === undefined ? observed(id) : observedWithin(id, withinMs))),
      );
      return Object.fromEntries(ids.flatMap((id, i) => (seen[i] ? [[id, seen[i].kid]] : [])));
    },
  };
}
