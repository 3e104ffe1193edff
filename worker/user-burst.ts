/**
 * The Durable Object that counts one user's requests in one place, named by the verified subject. It holds no secret, writes no
 * storage and makes no fetch: an object keeps running the code and bindings it started with. Eviction costs one fresh burst.
 */
import { DurableObject } from "cloudflare:workers";
import { BurstCounter, type BurstVerdict } from "./burst.ts";
import { answerBurst, takeBurst } from "./burst-call.ts";

export class UserBurst extends DurableObject {
  readonly #counter = new BurstCounter();

  override fetch({ url }: Request): Response {
    return answerBurst(this.#counter, url, Date.now());
  }

  /** The same question as versions before the fetch ask it: during a deployment they run beside this one, with the same objects. */
  take(rate: number, lease: number, depth = rate, waitMs = 0): BurstVerdict {
    return takeBurst(this.#counter, { rate, lease, depth, waitMs }, Date.now());
  }
}
