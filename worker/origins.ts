/** The origins as this isolate sees them: which may take a request now, in order of preference, and how long to wait for each. */
import type { GatewayConfig, GatewayOrigin } from "../contract/runtime-config.ts";
import { FIRST_BYTE_COLD_MS, FIRST_BYTE_WARM_MS, HEALTH_CACHE_MS, KV_MIN_SECONDS } from "./constants.ts";
import type { KeyValue, WaitUntil } from "./env.ts";
import { Breaker } from "./policy/breaker.ts";
import { healthKey, parseHealth, type HealthState } from "./policy/health.ts";

interface Seat {
  readonly origin: GatewayOrigin;
  readonly breaker: Breaker;
  state: HealthState;
}

export class Origins {
  readonly #seats: readonly Seat[];
  readonly #kv: KeyValue | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(config: GatewayConfig, kv: KeyValue | undefined) {
    // joining and quarantined origins get no traffic; only probes by name reach them.
    this.#seats = config.origins
      .filter((origin) => origin.state === "pool")
      .map((origin) => ({ origin, breaker: new Breaker(), state: "up" }));
    this.#kv = kv;
  }

  /** Origins that may take a request, best first. What KV says is a hint: it never leaves an origin as the only one unused. */
  candidates(now: number, waitUntil: WaitUntil): readonly Seat[] {
    if (this.#kv && now - this.#readAt >= HEALTH_CACHE_MS) {
      this.#readAt = now;
      waitUntil(this.#readHealth(this.#kv));
    }
    const admitted = this.#seats.filter((seat) => seat.breaker.admits(now));
    return [...admitted.filter((seat) => seat.state === "up"), ...admitted.filter((seat) => seat.state !== "up")];
  }

  async #readHealth(kv: KeyValue): Promise<void> {
    await Promise.all(
      this.#seats.map(async (seat) => {
        try {
          const text = await kv.get(healthKey(seat.origin.name), { type: "text", cacheTtl: KV_MIN_SECONDS });
          seat.state = parseHealth(text)?.state ?? "up";
        } catch {
          seat.state = "up";
        }
      }),
    );
  }
}

/** Until the response headers. Slow is not down: a platform may have to wake the origin first. Unit: milliseconds. */
export const firstByteMs = (breaker: Breaker, now: number): number =>
  breaker.warm(now) ? FIRST_BYTE_WARM_MS : FIRST_BYTE_COLD_MS;

export type { Seat };
