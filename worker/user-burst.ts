/**
 * The Durable Object that counts one user's requests in one place, named by the verified subject. It holds no secret, writes no
 * storage and makes no fetch: an object keeps running the code and bindings it started with. Eviction costs one fresh burst.
 */
import { DurableObject } from "cloudflare:workers";
import { BurstCounter, type BurstVerdict } from "./burst.ts";

export class UserBurst extends DurableObject {
  readonly #counter = new BurstCounter();

  /** Takes one request, or up to `lease` in advance. @param rate requests per second and depth of the burst */
  take(rate: number, lease: number): BurstVerdict {
    if (!isCount(rate) || !isCount(lease)) throw new TypeError("rate and lease are positive integers");
    return this.#counter.take(Date.now(), rate, lease);
  }
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0;
