/** The origins as this isolate sees them: which may take a request now, in order of preference, and how long to wait for each. */
import type { GatewayConfig, GatewayOrigin } from "../contract/runtime-config.ts";
import {
  AVOIDED_ENTRIES,
  AVOIDED_MS,
  FIRST_BYTE_COLD_MS,
  FIRST_BYTE_WARM_MS,
  HEALTH_CACHE_MS,
  KV_MIN_SECONDS,
  PROBE_AGAIN_MS,
} from "./constants.ts";
import { sleep } from "./deadline.ts";
import type { KeyValue, WaitUntil } from "./env.ts";
import { Lru } from "./lru.ts";
import { Breaker } from "./policy/breaker.ts";
import { healthKey, parseHealth, type HealthState } from "./policy/health.ts";

interface Seat {
  readonly origin: GatewayOrigin;
  readonly breaker: Breaker;
  state: HealthState;
}

/** What choosing an origin needs around it. */
export interface OriginsOptions {
  readonly kv: KeyValue | undefined;
  /** Unit: milliseconds since the epoch. */
  readonly now: () => number;
  /** Asks an origin something constant. @returns true when it is there; never rejects */
  readonly probe: (origin: GatewayOrigin, waitMs: number) => Promise<boolean>;
}

export class Origins {
  readonly #seats: readonly Seat[];
  readonly #options: OriginsOptions;
  /** Users whose request failed at an origin go elsewhere for a while: one user's failures are that user's business. */
  readonly #avoided = new Lru<string, number>(AVOIDED_ENTRIES);
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(config: GatewayConfig, options: OriginsOptions) {
    // joining and quarantined origins get no traffic; only probes by name reach them.
    this.#seats = config.origins
      .filter((origin) => origin.state === "pool")
      .map((origin) => ({ origin, breaker: new Breaker(), state: "up" }));
    this.#options = options;
  }

  /** Origins that may take a request of `user`, best first. Hints (KV, the user's own failures) never leave an origin as the only one unused. */
  candidates(user: string, now: number, waitUntil: WaitUntil): readonly Seat[] {
    const { kv } = this.#options;
    if (kv && now - this.#readAt >= HEALTH_CACHE_MS) {
      this.#readAt = now;
      waitUntil(this.#readHealth(kv));
    }
    for (const seat of this.#seats) if (!seat.breaker.admits) this.#find(seat, now, waitUntil);
    const admitted = this.#seats.every((seat) => seat.breaker.admits)
      ? this.#seats
      : this.#seats.filter((seat) => seat.breaker.admits);
    // As most requests find it.
    if (this.#avoided.size === 0 && admitted.every((seat) => seat.state === "up")) return admitted;
    const penalty = (seat: Seat): number =>
      (seat.state === "up" ? 0 : 1) + ((this.#avoided.get(keyOf(user, seat)) ?? 0) > now ? 2 : 0);
    return admitted.length < 2 ? admitted : admitted.toSorted((a, b) => penalty(a) - penalty(b));
  }

  /** A request of `user` failed there: the user goes elsewhere at once, everybody else when a probe finds the origin down. */
  suspect(user: string, seat: Seat, now: number, waitUntil: WaitUntil): void {
    this.#avoided.set(keyOf(user, seat), now + AVOIDED_MS);
    seat.breaker.suspect();
    this.#find(seat, now, waitUntil);
  }

  #find(seat: Seat, now: number, waitUntil: WaitUntil): void {
    if (seat.breaker.takeProbe(now)) waitUntil(this.#probe(seat, now));
  }

  async #probe({ origin, breaker }: Seat, begun: number): Promise<void> {
    const wait = firstByteMs(breaker, begun);
    let alive = await this.#options.probe(origin, wait);
    if (!alive && breaker.admits) {
      // A blip, or an idle connection that was just closed, costs the users who met it a detour and nobody an origin.
      await sleep(PROBE_AGAIN_MS);
      alive = await this.#options.probe(origin, wait);
    }
    breaker.judge(begun, this.#options.now(), alive);
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

const keyOf = (user: string, { origin }: Seat): string => `${user}/${origin.name}`;

/** Until the response headers. Slow is not down: a platform may have to wake the origin first. Unit: milliseconds. */
export const firstByteMs = (breaker: Breaker, now: number): number =>
  breaker.warm(now) ? FIRST_BYTE_WARM_MS : FIRST_BYTE_COLD_MS;

export type { Seat };
