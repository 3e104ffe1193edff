/**
 * Keeps traffic away from an origin that is down. What a user's request met only raises suspicion: a request can be made to fail, and
 * one user must not take an origin from the others. A probe of the gateway's own, with constant content, decides. No clock, no I/O.
 */
import { ORIGIN_WARM_MS, PROBE_LEASE_MS, PROBE_PAUSE_MS } from "../constants.ts";

/** State of one origin as this isolate sees it. All times in milliseconds since the epoch. */
export class Breaker {
  #open = false;
  #suspected = false;
  /** When the last probe began; null = none is under way. One whose owner died counts until its lease is over. */
  #probing: number | null = null;
  #probedAt = Number.NEGATIVE_INFINITY;
  #answeredAt = Number.NEGATIVE_INFINITY;

  /** False while the last probe found it down. */
  get admits(): boolean {
    return !this.#open;
  }

  /** The origin answered a request; what it said does not matter. */
  answered(now: number): void {
    this.#answeredAt = now;
  }

  /** A request failed in a way that may be the origin's. */
  suspect(): void {
    this.#suspected = true;
  }

  /** True when it is time to find out: it is suspected, or was found down. The caller asks, and says {@link Breaker.judge}. */
  takeProbe(now: number): boolean {
    const busy = this.#probing !== null && now - this.#probing < PROBE_LEASE_MS;
    if (busy || !(this.#suspected || this.#open) || now - this.#probedAt < PROBE_PAUSE_MS) return false;
    this.#probing = this.#probedAt = now;
    this.#suspected = false;
    return true;
  }

  /** What the probe that began at `begun` found. A late word of one that was given up says nothing. */
  judge(begun: number, now: number, alive: boolean): void {
    if (this.#probing !== begun) return;
    this.#probing = null;
    this.#probedAt = now;
    this.#open = !alive;
    if (alive) this.#answeredAt = now;
  }

  /** True when it answered lately, so that silence means trouble and not sleep. */
  warm(now: number): boolean {
    return now - this.#answeredAt < ORIGIN_WARM_MS;
  }
}
