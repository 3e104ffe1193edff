/** What a load and this machine do to each other: who waits for how long, when to send less, and which failures are the machine's. */
import { Governor } from "./governor.ts";
import { Latency } from "./latency.ts";
import { watchMachine, type Machine } from "./machine.ts";
import { slowAmong, type Failed } from "./slowness.ts";

export class Pressure<T extends Failed> {
  /** When each request under way was due. */
  readonly #waiting = new Map<number, number>();
  readonly #failures: T[] = [];
  readonly #governor: Governor;
  readonly #machine: Machine;
  readonly #startedAt: number;
  #lately = new Latency();

  /** @param startedAt by {@link performance.now} @param lower is told a lower rate; absent = the rate stays. */
  constructor(startedAt: number, ratePerSecond: number, lower?: (ratePerSecond: number) => void) {
    this.#startedAt = startedAt;
    this.#governor = new Governor(ratePerSecond);
    this.#machine = watchMachine((busy) => {
      const oldestMs = Math.max(0, performance.now() - Math.min(...this.#waiting.values()));
      const rate = lower ? this.#governor.second({ busy, p50Ms: this.#lately.quantile(0.5), oldestMs }) : null;
      this.#lately = new Latency();
      if (rate !== null) lower?.(rate);
    });
  }

  /** @param dueMs by {@link performance.now}, with the time that the request takes by itself. */
  began(id: number, dueMs: number): void {
    this.#waiting.set(id, dueMs);
  }

  /** @param failure null = it was answered as it should be. */
  ended(id: number, waitedMs: number, failure: T | null): void {
    this.#waiting.delete(id);
    this.#lately.add(waitedMs);
    if (failure) this.#failures.push(failure);
  }

  /** Failures so far that this machine explains. */
  slow(): ReadonlySet<T> {
    const began = this.#startedAt;
    return slowAmong(this.#failures, (from, until) => this.#machine.wasBusy(began + from, began + until));
  }

  stop(): void {
    this.#machine.stop();
  }
}
