/**
 * The Durable Object that counts one user's requests, exactly and in one place. It holds four numbers, no secret, no storage and
 * makes no fetch: an object keeps running the code and bindings it started with. Eviction costs one fresh burst.
 */
import { BLOCK_AFTER_REFUSALS, BLOCK_MS, BLOCK_WINDOW_MS } from "./constants.ts";
import { gcra } from "./policy/gcra.ts";

/** What the object answers. Times in milliseconds since the epoch, durations in milliseconds. */
export interface BurstVerdict {
  readonly admitted: boolean;
  readonly remaining: number;
  readonly retryAfterMs: number;
  /** Set while the user is blocked for repeated excess. */
  readonly blockedUntil?: number;
  /** True once per block: the caller writes the marker that spares this object the rest. */
  readonly mark?: boolean;
}

/** Counts for one user. Also the isolate's stand-in while the object cannot be reached. */
export class BurstCounter {
  #tat = 0;
  #refused = 0;
  #refusedSince = 0;
  #blockedUntil = 0;

  /** @param now milliseconds since the epoch @param rate requests per second and depth of the burst */
  take(now: number, rate: number): BurstVerdict {
    if (now < this.#blockedUntil)
      return { admitted: false, remaining: 0, retryAfterMs: this.#blockedUntil - now, blockedUntil: this.#blockedUntil };
    const { admitted, remaining, retryAfterMs, tat } = gcra(this.#tat, now, rate);
    this.#tat = tat;
    if (admitted) return { admitted, remaining, retryAfterMs };
    if (now - this.#refusedSince >= BLOCK_WINDOW_MS) {
      this.#refused = 0;
      this.#refusedSince = now;
    }
    if (++this.#refused < BLOCK_AFTER_REFUSALS) return { admitted, remaining, retryAfterMs };
    this.#refused = 0;
    this.#blockedUntil = now + BLOCK_MS;
    return { admitted, remaining: 0, retryAfterMs: BLOCK_MS, blockedUntil: this.#blockedUntil, mark: true };
  }
}

/** Named by the verified subject. `POST /<rate>` takes one request and answers a {@link BurstVerdict}. */
export class UserBurst {
  readonly #counter = new BurstCounter();

  fetch(request: Request): Response {
    const rate = Number(new URL(request.url).pathname.slice(1));
    if (!Number.isSafeInteger(rate) || rate < 1) return new Response(null, { status: 400 });
    return Response.json(this.#counter.take(Date.now(), rate));
  }
}
