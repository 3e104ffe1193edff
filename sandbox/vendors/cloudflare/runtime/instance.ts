/**
 * One running Worker version in its own workerd. Its options never change: changing those of a running Miniflare breaks
 * requests in flight. It ends only when nobody refers to it any more and the last request is through.
 */
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { Log, LogLevel, Miniflare } from "miniflare";
import { scriptFails } from "../errors.ts";
import type { Version } from "../model.ts";
import { runtimeFolder, within } from "./folders.ts";
import { endRuntimesWithUs } from "./orphans.ts";
import { workersOf, type Placement } from "./options.ts";

/** Lines of the runtime that are kept to explain a failed start. */
const KEPT_LINES = 20;

export interface InstanceContext {
  /** Directory through which Miniflares find each other's Durable Objects; null when there are none. */
  readonly registry: string | null;
  /** Every line that the Worker prints. */
  readonly onLine: (line: string) => void;
}

/**
 * Miniflare ends the whole process on a signal, before anything else can be put in order. Where the process has handlers of its
 * own, they decide; Miniflare's hook on the exit of the process stays and takes its runtime along.
 */
function withoutSignals<T>(make: () => T): T {
  const signals = ["SIGINT", "SIGTERM"] as const;
  const before = signals.map((signal) => process.listeners(signal));
  const made = make();
  for (const [index, signal] of signals.entries()) {
    const own = before[index] ?? [];
    if (own.length === 0) continue;
    for (const listener of process.listeners(signal))
      if (!own.includes(listener)) process.removeListener(signal, listener);
  }
  return made;
}

/** A started version. */
export class Instance {
  readonly version: Version;
  readonly port: number;
  readonly #miniflare: Miniflare;
  readonly #entry: URL;
  #inFlight = 0;
  #released = false;
  #ended: Promise<void> | null = null;
  readonly #drained = Promise.withResolvers<void>();
  readonly #leave: () => void;

  private constructor(version: Version, miniflare: Miniflare, entry: URL, port: number, leave: () => void) {
    this.#leave = leave;
    this.version = version;
    this.#miniflare = miniflare;
    this.#entry = entry;
    this.port = port;
  }

  /** @throws {ApiError} 10021 with the runtime's own words when the script does not start. */
  static async start(version: Version, placement: Placement, { registry, onLine }: InstanceContext): Promise<Instance> {
    const lines: string[] = [];
    const read = (stream: Readable) =>
      createInterface({ input: stream }).on("line", (line) => {
        if (lines.push(line) > KEPT_LINES) lines.shift();
        onLine(line);
      });
    endRuntimesWithUs();
    const { folder, leave } = runtimeFolder();
    const make = () =>
      new Miniflare({
        workers: workersOf(version, placement),
        port: 0,
        cf: false,
        log: new Log(LogLevel.NONE),
        logRequests: false,
        unsafeTriggerHandlers: true,
        handleRuntimeStdio: (stdout: Readable, stderr: Readable) => void [stdout, stderr].map(read),
        ...(registry === null ? {} : { unsafeDevRegistryPath: registry, unsafeDevRegistryDurableObjectProxy: true }),
      });
    let miniflare: Miniflare | null = null;
    try {
      miniflare = within(folder, () => withoutSignals(make));
      const entry = await miniflare.ready;
      const direct = await miniflare.unsafeGetDirectURL(placement.name);
      return new Instance(version, miniflare, entry, Number(direct.port), leave);
    } catch (error) {
      await miniflare?.dispose().catch(() => undefined);
      leave();
      const reason =
        lines.find((line) => /error/i.test(line)) ??
        (error instanceof Error ? error.message : "the runtime did not start");
      throw scriptFails(reason.slice(0, 500));
    }
  }

  /** Marks one request as under way. @returns a function that marks its end; calling it twice is harmless. */
  enter(): () => void {
    this.#inFlight++;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#inFlight--;
      this.#endWhenDrained();
    };
  }
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Runs the `scheduled` handler. @throws when the handler fails. */
  async scheduled(cron: string, time: Date): Promise<void> {
    const leave = this.enter();
    try {
      const url = new URL("/cdn-cgi/handler/scheduled", this.#entry);
      url.search = new URLSearchParams({ cron, time: String(time.getTime()) }).toString();
      const response = await fetch(url);
      const answer = await response.text();
      if (!response.ok) throw new Error(`the scheduled handler failed: ${answer.slice(0, 200)}`);
    } finally {
      leave();
    }
  }

  /** No new request will come: ends as soon as the last one is through. Resolves then. */
  release(): Promise<void> {
    this.#released = true;
    this.#endWhenDrained();
    return this.#drained.promise;
  }
  #endWhenDrained(): void {
    if (this.#released && this.#inFlight === 0) void this.end();
  }

  /** Ends now, whatever is under way. */
  end(): Promise<void> {
    this.#ended ??= (async () => {
      // A runtime that already died has nothing left to dispose of.
      await this.#miniflare.dispose().catch(() => undefined);
      this.#leave();
      this.#drained.resolve();
    })();
    return this.#ended;
  }
}
