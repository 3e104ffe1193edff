/** The cron run: one look at every pool origin by its own address, and a line in KV only when something changed. */
import type { GatewayOrigin } from "../contract/runtime-config.ts";
import { HEALTH_TTL_SECONDS, KV_MIN_SECONDS } from "./constants.ts";
import type { KeyValue } from "./env.ts";
import type { Isolate } from "./isolate.ts";
import { ask } from "./probe.ts";
import { healthKey, judgeHealth, parseHealth, transition } from "./policy/health.ts";

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
