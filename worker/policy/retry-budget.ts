/**
 * At most one retry per ten requests of a user, plus a reserve for a whole turn of parallel calls: an outage must not double the load
 * on what is left. Every user has an own budget, so that one whose requests keep failing takes no retry from anybody.
 */
import { RETRY_RESERVE, RETRY_SHARE, RETRY_USERS } from "../constants.ts";
import { Lru } from "../lru.ts";

export class RetryBudget {
  readonly #tokens = new Lru<string, number>(RETRY_USERS);

  /** Call once per request. */
  earn(user: string): void {
    this.#tokens.set(user, Math.min(RETRY_RESERVE, this.#of(user) + RETRY_SHARE));
  }

  /** @returns false when the user's budget is spent. */
  spend(user: string): boolean {
    const left = this.#of(user);
    if (left < 1) return false;
    this.#tokens.set(user, left - 1);
    return true;
  }

  #of(user: string): number {
    return this.#tokens.get(user) ?? RETRY_RESERVE;
  }
}
