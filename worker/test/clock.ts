/** A runtime whose clock, network and log belong to the test. */
import type { KeyValue, Runtime } from "../env.ts";

/** Unit: milliseconds since the epoch. */
export const START = 1_795_000_000_000;

export interface TestRuntime extends Runtime {
  /** Moves the clock. */
  at(ms: number): void;
  /** URLs that were fetched. */
  readonly fetched: string[];
  readonly lines: string[];
}

/** @param respond answers every fetch; throw to be a dead network */
export function testRuntime(respond: (url: string, init: RequestInit) => Response | Promise<Response>): TestRuntime {
  let time = START;
  const fetched: string[] = [];
  const lines: string[] = [];
  return {
    fetched,
    lines,
    now: () => time,
    at: (ms) => {
      time = START + ms;
    },
    fetch: async (url, init) => {
      fetched.push(url);
      return respond(url, init);
    },
    log: (line) => void lines.push(line),
  };
}

/** KV with its real limit on expiry. Consistent at once, which real KV is not. */
export class FakeKv implements KeyValue {
  readonly entries = new Map<string, string>();
  readonly reads: string[] = [];
  readonly writes: string[] = [];
  broken = false;
  /** Reads of these never end. */
  readonly hangs = new Set<string>();

  async get(key: string, options: { readonly cacheTtl: number }): Promise<string | null> {
    if (options.cacheTtl < 60) throw new TypeError("KV: cacheTtl must be at least 60");
    this.reads.push(key);
    if (this.hangs.has(key)) return new Promise(() => undefined);
    if (this.broken) throw new Error("KV is down");
    return this.entries.get(key) ?? null;
  }

  async put(key: string, value: string, options: { readonly expirationTtl: number }): Promise<void> {
    if (!Number.isSafeInteger(options.expirationTtl) || options.expirationTtl < 60)
      throw new TypeError("KV: expirationTtl must be at least 60");
    this.writes.push(key);
    if (this.broken) throw new Error("KV is down");
    this.entries.set(key, value);
  }
}

/** Collects what would outlive the answer. */
export function collectWaitUntil(): {
  readonly waitUntil: (work: Promise<unknown>) => void;
  readonly done: () => Promise<void>;
} {
  const works: Promise<unknown>[] = [];
  return {
    waitUntil: (work) => void works.push(work),
    done: async () => {
      while (works.length > 0) await works.shift();
    },
  };
}
