/** At most one retry per ten requests, plus a small reserve: an outage must not double the load on what is left. */
import { RETRY_RESERVE, RETRY_SHARE } from "../constants.ts";

export class RetryBudget {
  #tokens = RETRY_RESERVE;

  /** Call once per request. */
  earn(): void {
    this.#tokens = Math.min(RETRY_RESERVE, this.#tokens + RETRY_SHARE);
  }

  /** @returns false when the budget is spent. */
  spend(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
