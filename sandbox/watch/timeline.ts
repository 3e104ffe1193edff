/**
 * Records a running sandbox over time: who sends or accepts which kid, what is rolling out, sleeping or failing, which step a
 * rotation is in, and how the traffic fares.
 */
import { SANDBOX_ACCOUNTS, type SandboxAccounts } from "../../contract/sandbox.ts";
import { OBSERVATION_PATH } from "../../contract/headers.ts";
import { rotationRef } from "../../contract/secret-names.ts";
import type { Faults } from "../vendors/faults.ts";
import type { GitStore } from "../vendors/github/git.ts";
import { Latency } from "../load/latency.ts";
import { Parties, type WatchedEnvironment, type WatchedSandbox } from "./parties.ts";
import { Recorder, type TimelineData } from "./recorder.ts";
import type { Traffic } from "../load/traffic.ts";

/** Between two looks at everybody. Unit: milliseconds. */
const LOOK_MS = 200;
/** Width of a bin of the traffic chart. Unit: milliseconds. */
const BIN_MS = 500;
/** A recording without an end keeps this much. Unit: milliseconds. */
const KEPT_MS = 10 * 60_000;

export interface Timeline {
  /** Names what goes on until the next call; null = nothing any more. Once a rotation writes its journal, that decides instead. */
  step(name: string | null): void;
  /** The last `windowMs`, or everything that is kept. */
  recording(windowMs?: number): TimelineData;
  /** Looks once more and ends. May be called twice. */
  stop(): Promise<TimelineData>;
}
/** What is recorded; a running sandbox is one. */
export type TimelineSource = WatchedSandbox & { readonly faults: Faults };
export interface TimelineOptions {
  /** Whose Worker, vault and journal are shown; absent = the built-in environment. */
  readonly environment?: WatchedEnvironment;
  /** Without it, requests at the gateway are counted, and neither failures nor latency are known. */
  readonly traffic?: Traffic;
}

/** Which step of a rotation begins when its journal records an event; null = none any more. Other events change nothing. */
const STEP_AFTER: ReadonlyMap<string, string | null> = new Map([
  ["acquired", "observe"],
  ["initialising", "first secret"],
  ["staging", "stage"],
  ["verified", "upload"],
  ["uploaded", "probe"],
  ["probed", "switch"],
  ["switched", "drain"],
  ["retiring", "retire"],
  ["released", null],
]);

/** Follows a journal; each call tells the steps that began since the one before. What was written earlier is not told. */
function journalReader(git: GitStore, ref: string): () => readonly (string | null)[] {
  let read = git.refs.get(ref);
  return () => {
    const tip = git.refs.get(ref);
    if (tip === undefined || tip === read) return [];
    const entries = git.walk(tip);
    const known = entries.findIndex(({ sha }) => sha === read);
    read = tip;
    const events = entries
      .slice(0, known === -1 ? entries.length : known)
      .map(({ message }) => /^mcpist: (\S+)/.exec(message)?.[1] ?? "");
    return events.toReversed().flatMap((event) => STEP_AFTER.get(event) ?? (STEP_AFTER.has(event) ? [null] : []));
  };
}

/** Requests in bins of {@link BIN_MS}. */
class Bins {
  readonly #open = new Map<number, { sent: number; failed: number; readonly latency: Latency }>();
  #next = 0;

  /** @param latencyMs absent = not measured. */
  add(atMs: number, failed: boolean, latencyMs?: number): void {
    const start = Math.floor(atMs / BIN_MS) * BIN_MS;
    const bin = this.#open.get(start) ?? { sent: 0, failed: 0, latency: new Latency() };
    this.#open.set(start, bin);
    bin.sent++;
    if (failed) bin.failed++;
    if (latencyMs !== undefined) bin.latency.add(latencyMs);
  }

  /** Hands over every bin that has ended by `nowMs`, the empty ones too. */
  flush(nowMs: number, recorder: Recorder): void {
    for (; this.#next + BIN_MS <= nowMs; this.#next += BIN_MS) {
      const { sent = 0, failed = 0, latency } = this.#open.get(this.#next) ?? {};
      this.#open.delete(this.#next);
      recorder.sample({
        atMs: this.#next,
        sent,
        failed,
        p50Ms: latency?.quantile(0.5) ?? 0,
        p99Ms: latency?.quantile(0.99) ?? 0,
      });
    }
  }
}

/** What is watched of an environment with these accounts. */
export const watchedOf = ({ repositoryEnvironment, worker }: SandboxAccounts): WatchedEnvironment => ({
  github: { environment: repositoryEnvironment },
  cloudflare: { worker },
});

/** Starts recording. */
export function startTimeline(
  sandbox: TimelineSource,
  { environment = watchedOf(SANDBOX_ACCOUNTS), traffic }: TimelineOptions = {},
): Timeline {
  const began = performance.now();
  const now = (): number => Math.round(performance.now() - began);
  const recorder = new Recorder(new Date());
  const parties = new Parties(sandbox, environment);
  const newSteps = journalReader(sandbox.github.repository.git, rotationRef(environment.github.environment));
  const bins = new Bins();
  const unsubscribe = traffic
    ? traffic.onAnswer(({ latencyMs, failed }) => bins.add(now(), failed, latencyMs))
    : sandbox.faults.onCall((call) => {
        if (call.vendor === "gateway" && !call.path.startsWith(OBSERVATION_PATH)) bins.add(now(), false);
      });

  let journalled = false;
  async function look(): Promise<void> {
    for (const name of newSteps()) {
      journalled = true;
      recorder.step(now(), name);
    }
    recorder.observe(now(), await parties.look());
    bins.flush(now(), recorder);
    recorder.forget(now() - KEPT_MS);
  }
  // One look after the other; what goes wrong in one must not end the recording.
  let looking = look();
  const timer = setInterval(() => {
    looking = looking.then(look, look);
  }, LOOK_MS);

  const recording = (windowMs = Number.POSITIVE_INFINITY): TimelineData =>
    recorder.data(Math.max(0, now() - windowMs), now(), BIN_MS);
  let stopped: Promise<TimelineData> | null = null;
  async function finish(): Promise<TimelineData> {
    clearInterval(timer);
    await looking.then(look, look);
    unsubscribe();
    return recording();
  }
  return {
    step(name) {
      if (!journalled) recorder.step(now(), name);
    },
    recording,
    stop: () => (stopped ??= finish()),
  };
}
