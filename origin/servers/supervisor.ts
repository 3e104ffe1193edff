/**
 * Keeps one server connected: starts it, starts it again with growing pauses when it ends, lists its tools after each start and when
 * it says that they changed. What a server does can only make it unavailable; it never stops the origin or another server.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection, ForeignCall, ForeignOutcome, RawListing } from "./connection.ts";
import { untilAborted } from "./until-aborted.ts";

/** Pause before the first restart; doubled up to {@link MAX_PAUSE_MS}. Unit: milliseconds. */
const MIN_PAUSE_MS = 500;
const MAX_PAUSE_MS = 60_000;
/** A server that stayed up this long starts at the shortest pause again. Unit: milliseconds. */
const STEADY_MS = 60_000;
/** What calls wait for a server that ended a moment ago; one that was called must not end everybody else's calls. Unit: milliseconds. */
const RETURN_MS = 10_000;
/** Outcomes that a server gave by an answer. */
const ANSWERS: ReadonlySet<ForeignOutcome["kind"]> = new Set(["result", "refused", "asks", "useless"]);
/** A session that is lost is opened anew at once, unless the last one was lost just now. Unit: milliseconds. */
const RENEWAL_MS = 1_000;
/**
 * A server that says that its list changed is asked this often at most, and half as often each time that it goes on: every new list
 * costs every user a look into the database. Unit: milliseconds.
 */
const RELIST_MS = 5_000;
const MAX_RELIST_MS = 5 * 60_000;

/** Pause before the next list. @param last the pause before, null = none yet @param quietMs how long the server was silent */
export const relistPause = (last: number | null, quietMs: number): number =>
  last === null || quietMs > MAX_RELIST_MS ? RELIST_MS : Math.min(last * 2, MAX_RELIST_MS);

/** starting = not connected yet; up = calls are taken; down = it ended or does not answer, and is tried again. */
export type ServerState = "starting" | "up" | "down" | "stopped";

/** What keeping a server takes. */
export interface SupervisorOptions {
  /** Connects anew. `onListChanged` = the server says so. @throws when the server does not come up, and when `signal` says so. */
  readonly connect: (onListChanged: () => void, signal: AbortSignal) => Promise<Connection>;
  /** A complete list arrived; what it listed before is void. */
  /** It did not come up, or gave no list. */
  readonly onFailure?: (cause: unknown) => void;
  /** Called once, when nothing of the server runs any more. */
  readonly leave?: () => Promise<void>;
  readonly onListing: (listing: RawListing) => void;
  readonly onState: (state: ServerState) => void;
  /** Between 0 and 1. */
  readonly random: () => number;
}

/** One supervised server. */
export interface Supervisor {
  start(): void;
  readonly state: ServerState;
  /** @returns null when the server is not up: nothing was sent. */
  call(call: ForeignCall): Promise<ForeignOutcome | null>;
  /** Resolves at the next listing or failure after a start; for tests and for the first start. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

/** Builds a supervisor; it does nothing before `start`. */
export function supervise({ connect, leave, onFailure, onListing, onState, random }: SupervisorOptions): Supervisor {
  let state: ServerState = "starting";
  let connection: Connection | null = null;
  /** Calls in the connection that is lost wait for the next one. */
  let lose: (() => void) | null = null;
  let renewal: PromiseWithResolvers<void> | null = null;
  let running: Promise<void> = Promise.resolve();
  let settled = Promise.withResolvers<void>();
  /** The server has answered a call since it was started; then it is expected back, and not punished for its end. */
  let answered = false;
  let isExpected = false;
  const stopping = new AbortController();

  const become = (next: ServerState): void => {
    renewal?.resolve();
    renewal = null;
    if (state === next) return;
    state = next;
    onState(next);
  };

  /** One connection, from its start to its end. @returns how it ended. @throws when it does not come up. */
  async function serve(): Promise<"ended" | "lost"> {
    let changed: (() => void) | null = null;
    let relistMs: number | null = null;
    answered = false;
    const current = await connect(() => changed?.(), stopping.signal);
    const end = (): void => void current.close().catch(() => {});
    stopping.signal.addEventListener("abort", end, { once: true });
    const lost = Promise.withResolvers<"lost">();
    const underWay = new Set<Promise<ForeignOutcome>>();
    let how: "ended" | "lost" = "ended";
    try {
      if (stopping.signal.aborted) return "ended";
      onListing(await current.list());
      connection = {
        ...current,
        async call(call) {
          const answer = current.call(call);
          underWay.add(answer);
          try {
            const outcome = await answer;
            answered ||= ANSWERS.has(outcome.kind);
            return outcome;
          } finally {
            underWay.delete(answer);
          }
        },
      };
      lose = () => lost.resolve("lost");
      become("up");
      settled.resolve();
      for (;;) {
        const again = Promise.withResolvers<"again">();
        changed = () => again.resolve("again");
        const quietSince = performance.now();
        const next = await Promise.race([again.promise, lost.promise, current.closed]);
        if (next !== "again") return (how = next ?? "ended");
        relistMs = relistPause(relistMs, performance.now() - quietSince);
        // Whatever it says meanwhile is answered by one more list.
        const over = await Promise.race([
          sleep(relistMs, "waited" as const, { signal: stopping.signal }).catch(() => "over" as const),
          lost.promise,
          current.closed,
        ]);
        if (over !== "waited") return (how = over === "lost" ? "lost" : "ended");
        onListing(await current.list());
      }
    } finally {
      connection = null;
      lose = null;
      const close = async (): Promise<void> => {
        stopping.signal.removeEventListener("abort", end);
        await current.close().catch(() => {});
      };
      // What is under way in a lost session may still be answered; nothing new is sent there. Whatever else ends is over before the next
      // one starts: the end of a program ends all that runs under its user id.
      if (how === "lost" && underWay.size > 0) void Promise.allSettled(underWay).then(close);
      else await close();
    }
  }

  async function keep(): Promise<void> {
    let pause = MIN_PAUSE_MS;
    let renewedAt = -Infinity;
    while (!stopping.signal.aborted) {
      const startedAt = performance.now();
      try {
        const end = await serve();
        if (end === "lost" && performance.now() - renewedAt > RENEWAL_MS) {
          renewedAt = performance.now();
          continue;
        }
      } catch (cause) {
        if (!stopping.signal.aborted) onFailure?.(cause);
      }
      if (stopping.signal.aborted) break;
      become("down");
      isExpected = answered;
      settled.resolve();
      settled = Promise.withResolvers();
      if (answered || performance.now() - startedAt > STEADY_MS) pause = MIN_PAUSE_MS;
      // Jitter, so that servers that failed together do not come back together.
      await sleep(pause * (0.5 + random() / 2), undefined, { signal: stopping.signal }).catch(() => {});
      pause = Math.min(pause * 2, MAX_PAUSE_MS);
    }
    become("stopped");
    settled.resolve();
  }

  /** Waits for the session that is being opened, or for the server that will be there in a moment, if there is one. */
  async function renewed(signal: AbortSignal): Promise<void> {
    if (renewal) await untilAborted(renewal.promise, signal);
    else if (isExpected) await untilAborted(settled.promise, AbortSignal.any([signal, AbortSignal.timeout(RETURN_MS)]));
  }

  return {
    start() {
      running = keep();
    },
    get state() {
      return state;
    },
    async call(call) {
      if (!connection) await renewed(call.signal);
      const used = connection;
      if (!used || call.signal.aborted) return null;
      const outcome = await used.call(call);
      // One call's status says nothing of the session when the server answers others in it.
      if (outcome.kind === "lost" && connection === used && (await used.answers())) return { kind: "refused" };
      if (outcome.kind === "lost" && connection === used) {
        renewal ??= Promise.withResolvers();
        lose?.();
      }
      if (outcome.kind === "lost") await renewed(call.signal);
      return outcome;
    },
    settled: () => settled.promise,
    async stop() {
      stopping.abort();
      await connection?.close().catch(() => {});
      await running;
      await leave?.();
    },
  };
}
