/** Keeps traffic away from an origin that keeps failing, and lets one request at a time find out whether it is back. No clock, no I/O. */
import {
  BREAKER_CONSECUTIVE,
  BREAKER_OPEN_MS,
  BREAKER_SAMPLES,
  BREAKER_SHARE,
  BREAKER_WINDOW_MS,
  FIRST_BYTE_COLD_MS,
  ORIGIN_WARM_MS,
} from "../constants.ts";

interface Bucket {
  readonly second: number;
  good: number;
  bad: number;
}

/** State of one origin as this isolate sees it. All times in milliseconds since the epoch. */
export class Breaker {
  #inARow = 0;
  #openedAt: number | null = null;
  #probeAt: number | null = null;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #buckets: Bucket[] = [];

  /** True when a request may go to this origin: closed, or half-open without a probe under way. */
  admits(now: number): boolean {
    if (this.#openedAt === null) return true;
    // A probe whose client went away never reports; it must not keep the origin out for good.
    const probing = this.#probeAt !== null && now - this.#probeAt < 2 * FIRST_BYTE_COLD_MS;
    return now - this.#openedAt >= BREAKER_OPEN_MS && !probing;
  }

  /** Marks the start of a request; the first one after the pause is the probe. */
  begin(now: number): void {
    if (this.#openedAt !== null) this.#probeAt = now;
  }

  /** The origin answered; what it said does not matter. */
  answered(now: number): void {
    this.#count(now, "good");
    this.#inARow = 0;
    if (this.#openedAt !== null) this.#buckets = [];
    this.#openedAt = null;
    this.#probeAt = null;
    this.#answeredAt = now;
  }

  /** @returns true when this failure opened the breaker */
  failed(now: number): boolean {
    this.#count(now, "bad");
    this.#inARow++;
    const wasOpen = this.#openedAt !== null;
    const good = this.#buckets.reduce((sum, bucket) => sum + bucket.good, 0);
    const bad = this.#buckets.reduce((sum, bucket) => sum + bucket.bad, 0);
    const tooMany = good + bad >= BREAKER_SAMPLES && bad >= BREAKER_SHARE * (good + bad);
    if (!wasOpen && this.#inARow < BREAKER_CONSECUTIVE && !tooMany) return false;
    // Requests that were under way when it opened must not push the half-open moment away; a failed probe must.
    if (!wasOpen || this.#probeAt !== null) this.#openedAt = now;
    this.#probeAt = null;
    return !wasOpen;
  }

  /** True when it answered lately, so that silence means trouble and not sleep. */
  warm(now: number): boolean {
    return now - this.#answeredAt < ORIGIN_WARM_MS;
  }

  #count(now: number, kind: "good" | "bad"): void {
    const second = Math.floor(now / 1000);
    const last = this.#buckets.at(-1);
    if (last?.second === second) last[kind]++;
    else this.#buckets.push({ second, good: kind === "good" ? 1 : 0, bad: kind === "bad" ? 1 : 0 });
    this.#buckets = this.#buckets.filter((bucket) => bucket.second > second - BREAKER_WINDOW_MS / 1000);
  }
}
