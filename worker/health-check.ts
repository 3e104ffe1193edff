/** The cron run: one look at every pool origin by its own address, and a line in KV only when something changed. */
import { GATEWAY_SECRET_HEADER, READY_PATH } from "../contract/headers.ts";
import type { GatewayOrigin } from "../contract/runtime-config.ts";
import { HEALTH_TIMEOUT_MS, HEALTH_TTL_SECONDS, KV_MIN_SECONDS } from "./constants.ts";
import type { KeyValue, Runtime } from "./env.ts";
import type { Isolate } from "./isolate.ts";
import { verdict, type Verdict } from "./policy/verdict.ts";
import { healthKey, judgeHealth, parseHealth, transition } from "./policy/health.ts";

async function ask(
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

async function checkOrigin(isolate: Isolate, kv: KeyValue, origin: GatewayOrigin, secret: string): Promise<void> {
  const { runtime, events } = isolate;
  const key = healthKey(origin.name);
  const before = parseHealth(await kv.get(key, { type: "text", cacheTtl: KV_MIN_SECONDS }).catch(() => null));
  const seen = judgeHealth(await ask(runtime, origin, secret));
  const next = transition(before, seen, new Date(runtime.now()).toISOString());
  if (!next) return;
  await kv.put(key, JSON.stringify(next), { expirationTtl: HEALTH_TTL_SECONDS }).catch(() => undefined);
  if (next.state !== (before?.state ?? "up")) {
    const severity = next.state === "up" ? "info" : "error";
    await events.write(
      {
        event: "origin_failed",
        severity,
        requestId: null,
        origin: origin.name,
        reason: `health ${next.state}: ${next.reason}`,
      },
      null,
    );
  }
}

/** Does nothing without a usable configuration, secret and KV. */
export async function checkOrigins(isolate: Isolate): Promise<void> {
  const { service, env } = isolate;
  const { KV } = env;
  if (!service || !KV) return;
  const pool = service.config.origins.filter((origin) => origin.state === "pool");
  await Promise.all(pool.map((origin) => checkOrigin(isolate, KV, origin, service.secret.text)));
}
