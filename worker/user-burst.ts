/**
 * The Durable Object that counts one user's requests in one place, named by the verified subject. It holds no secret, writes no
 * storage and makes no fetch: an object keeps running the code and bindings it started with. Eviction costs one fresh burst.
 */
import { DurableObject } from "cloudflare:workers";
import { BurstCounter, type BurstVerdict } from "./burst.ts";

export class UserBurst extends DurableObject {
  readonly #counter = new BurstCounter();

  /** See {@link BurstCounter.take}. The order of the arguments is that of older versions, which run beside this one during a deployment. */
  take(rate: number, lease: number, depth = rate, waitMs = 0): BurstVerdict {
    if (![rate, lease, depth].every(isCount) || !(waitMs >= 0)) throw new TypeError("rate, lease and depth are counts");
    return this.#counter.take(Date.now(), rate, lease, depth, waitMs);
  }
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0;
