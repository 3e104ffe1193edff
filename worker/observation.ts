/**
 * What the gateway says about itself and, asked for one origin by name, about that origin: which kid it sends and whether the
 * origin accepts it. Open to anybody, so it says kids and never a secret; needs no working configuration.
 */
import { kidOf } from "../contract/gateway-secret.ts";
import { GATEWAY_SECRET_HEADER, OBSERVATION_PATH } from "../contract/headers.ts";
import {
  parseOriginObservation,
  type OriginObservation,
  type ProbeReport,
  type WorkerObservation,
} from "../contract/observation.ts";
import type { GatewayOrigin } from "../contract/runtime-config.ts";
import { PROBE_MAX_BYTES, PROBE_TIMEOUT_MS } from "./constants.ts";
import type { Runtime } from "./env.ts";
import { readBounded } from "./read-bounded.ts";

/** The secret of this Worker version: its text for the header, its bytes for the kid. */
export interface GatewaySecret {
  readonly text: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Asks one origin, failover bypassed. Status 0 = no answer, or no secret to ask with. */
export async function probe(
  runtime: Runtime,
  origin: GatewayOrigin,
  secret: GatewaySecret | null,
): Promise<ProbeReport> {
  if (!secret) return { origin: origin.name, status: 0, observation: null };
  try {
    const response = await runtime.fetch(origin.url + OBSERVATION_PATH, {
      headers: { [GATEWAY_SECRET_HEADER]: secret.text, accept: "application/json" },
      redirect: "manual",
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    return { origin: origin.name, status: response.status, observation: await readObservation(response) };
  } catch {
    return { origin: origin.name, status: 0, observation: null };
  }
}

async function readObservation(response: Response): Promise<OriginObservation | null> {
  const bytes = await readBounded(response.body, PROBE_MAX_BYTES);
  if (!bytes || response.status !== 200) return null;
  try {
    return parseOriginObservation(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

/** What observations read of an isolate. */
export interface Observed {
  readonly instanceId: string;
  /** The Worker version id. */
  readonly deployment: string;
  readonly secret: GatewaySecret | null;
  readonly marks: readonly string[];
}

/** @param via of `?origin=<name>` */
export async function observe(
  { instanceId, deployment, secret, marks }: Observed,
  via: ProbeReport | null,
): Promise<WorkerObservation> {
  const kid = secret ? await kidOf(secret.bytes) : null;
  return { role: "worker", instanceId, deployment, kid, lastAccepted: {}, ...(via ? { via } : {}), marks };
}
