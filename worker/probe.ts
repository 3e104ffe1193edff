/** Asks one origin whether it is there. What is sent is constant: no user can make it fail. */
import { GATEWAY_SECRET_HEADER, READY_PATH } from "../contract/headers.ts";
import type { GatewayOrigin } from "../contract/runtime-config.ts";
import { HEALTH_TIMEOUT_MS } from "./constants.ts";
import type { Runtime } from "./env.ts";
import { verdict, type Verdict } from "./policy/verdict.ts";

/** One look at an origin by its own address. @returns null when it does not answer in time. */
export async function ask(
  runtime: Runtime,
  origin: GatewayOrigin,
  secret: string,
  waitMs = HEALTH_TIMEOUT_MS,
): Promise<Response | null> {
  try {
    const response = await runtime.fetch(origin.url + READY_PATH, {
      headers: { [GATEWAY_SECRET_HEADER]: secret },
      redirect: "manual",
      signal: AbortSignal.timeout(waitMs),
    });
    await response.body?.cancel().catch(() => undefined);
    return response;
  } catch {
    return null;
  }
}

/** Answers of an origin that is there, whatever else it lacks. */
const THERE: ReadonlySet<Verdict> = new Set(["answer", "secret", "full", "busy"]);

/** The probe that decides about an origin's traffic. What it sends is constant, so no user can make it fail. */
export async function isThere(
  runtime: Runtime,
  origin: GatewayOrigin,
  secret: string,
  waitMs: number,
): Promise<boolean> {
  const response = await ask(runtime, origin, secret, waitMs);
  return response !== null && THERE.has(verdict(response.status, response.headers));
}
