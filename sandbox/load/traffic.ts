/**
 * Live load through the gateway: many users, each with a token and an address of its own, send MCP requests at a steady rate.
 * Open loop: a request is due at its time whether or not earlier ones were answered, and its latency counts from then; what is
 * missed by more than a second, because this machine or the service cannot keep up, is given up and shows as a lower rate.
 * No user exceeds the gateway's burst limit, not even after a stall. Anything but a 200 with the right JSON-RPC result is a failure.
 */
import type { Presentation } from "../../contract/presentation.ts";
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { ORIGIN_HEADER } from "../../contract/headers.ts";
import type { TokenOptions } from "../vendors/idp/tokens.ts";
import { userId } from "../vendors/idp/tokens.ts";
import { Latency } from "./latency.ts";
import { Pressure } from "./pressure.ts";
import { startSlowHost } from "./slow-host.ts";
import { faultOf, kindOf, mcpRequest, OWN_MS, refusalOf, type RequestKind } from "./mcp-requests.ts";

/** A user never sends more often than this, unless said: 4 a second, where the gateway admits 5. Unit: milliseconds. */
const USER_SPACING_MS = 250;
/** A user's requests under way: less than the depth of the burst, so that a stalled edge does not see them all at once. */
const USER_IN_FLIGHT = 3;
const TICK_MS = 10;
/** The rate rises to its full height over this time: a cold service gets users one after another, not all at once. Unit: milliseconds. */
const RAMP_MS = 2_000;
/** Share of the rate at the very beginning. */
const RAMP_FROM = 0.2;
/** Requests that are due for longer than this are given up. Unit: milliseconds. */
const BACKLOG_MS = 1_000;
/** A client gives up. Unit: milliseconds. */
const TIMEOUT_MS = 20_000;
/** The edge keeps an idle connection four times as long. Unit: milliseconds. */
const IDLE_CONNECTION_MS = 30_000;
/** Beyond the timeout of the last request. Unit: milliseconds. */
const STOP_MARGIN_MS = 2_000;
/** Tokens live for an hour. Unit: milliseconds. */
const TOKEN_AGE_MS = 45 * 60_000;
/** Failures that are kept in full; the rest is only counted. */
const KEPT_FAILURES = 100;

export interface TrafficOptions {
  /** Without a trailing slash. */
  readonly gatewayUrl: string;
  readonly mint: (options: TokenOptions) => Promise<string>;
  readonly users?: number;
  readonly ratePerSecond?: number;
  /** A user never sends more often than this. Unit: milliseconds. */
  readonly userSpacingMs?: number;
  /** Given, the rate is lowered on a machine that cannot carry it, and this is told the new one. */
  readonly onLowered?: (ratePerSecond: number) => void;
  /** As the gateway's environment has it; absent = "meta". */
  readonly presentation?: Presentation;
}

/** One request that was not answered rightly. */
export interface TrafficFailure {
  /** Since the start. Unit: milliseconds. */
  readonly atMs: number;
  readonly kind: RequestKind;
  /** From the time at which it was due, without the time that its kind takes by itself. */
  readonly waitedMs: number;
  /** 0 = no answer. */
  readonly status: number;
  /** The gateway's own word; null where it did not refuse. */
  readonly refusal: string | null;
  readonly reason: string;
}
/** A failure, and whether it is this machine's. */
export interface JudgedFailure extends TrafficFailure {
  readonly slow: boolean;
}
/** What happened so far. */
export interface TrafficStats {
  readonly sent: number;
  readonly failed: number;
  readonly inFlight: number;
  /** Answers by HTTP status; "0" = none. */
  readonly byStatus: Readonly<Record<string, number>>;
  /** Answers by the origin that gave them. */
  readonly byOrigin: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
}
/** What happened in all. */
export interface TrafficReport extends TrafficStats {
  readonly users: number;
  readonly durationMs: number;
  /** Of `failed`: those that this machine explains, because it had nothing to spare. */
  readonly slow: number;
  /** What it was in the end. */
  readonly ratePerSecond: number;
  /** The first {@link KEPT_FAILURES}. */
  readonly failures: readonly JudgedFailure[];
}
/** One answer, or the lack of one. */
export interface Answered {
  /** Unit: milliseconds; from the time at which the request was due. */
  readonly latencyMs: number;
  readonly failed: boolean;
}
export interface Traffic {
  stats(): TrafficStats;
  /** Called for every request once its outcome is known. @returns a function that ends it. */
  onAnswer(listener: (answer: Answered) => void): () => void;
  /** Sends no more, waits for what is under way, and reports. May be called twice. */
  stop(): Promise<TrafficReport>;
}

interface User {
  readonly sub: string;
  readonly address: string;
  token: string;
  mintedAt: number;
  lastSentAt: number;
  inFlight: number;
}
interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly origin: string;
  readonly body: string;
}

/** Starts sending at once. @throws {RangeError} when the rate would take users over their limit. */
export async function startTraffic(options: TrafficOptions): Promise<Traffic> {
  const { gatewayUrl, mint, users: userCount = 48, userSpacingMs = USER_SPACING_MS, onLowered } = options;
  let { ratePerSecond = 120 } = options;
  if (ratePerSecond * userSpacingMs > userCount * 1000)
    throw new RangeError(`${userCount} users may send at most ${(userCount * 1000) / userSpacingMs} requests a second`);
  const tokenOf = (sub: string): Promise<string> => mint({ sub });
  const users: User[] = await Promise.all(
    Array.from({ length: userCount }, async (_, i) => {
      const sub = userId(i + 1);
      const address = `127.0.1.${(i % 254) + 1}`;
      return {
        sub,
        address,
        token: await tokenOf(sub),
        mintedAt: performance.now(),
        lastSentAt: Number.NEGATIVE_INFINITY,
        inFlight: 0,
      };
    }),
  );
  const slowHost = await startSlowHost(OWN_MS.long);
  const target = new URL(gatewayUrl);
  const agent = new Agent({ keepAlive: true, scheduling: "lifo", timeout: IDLE_CONNECTION_MS });
  const latency = new Latency();
  const lower =
    onLowered &&
    ((rate: number): void => {
      ratePerSecond = rate;
      onLowered(rate);
    });
  const failures: TrafficFailure[] = [];
  const byStatus: Record<string, number> = {};
  const byOrigin: Record<string, number> = {};
  const open = new Set<Promise<void>>();
  const listeners = new Set<(answer: Answered) => void>();
  const startedAt = performance.now();
  const pressure = new Pressure<TrafficFailure>(startedAt, ratePerSecond, lower);
  const sinceStart = (): number => Math.round(performance.now() - startedAt);
  const interval = (ageMs: number): number =>
    1000 / (ratePerSecond * Math.min(1, RAMP_FROM + ((1 - RAMP_FROM) * ageMs) / RAMP_MS));
  let [sent, failed, nextUser] = [0, 0, 0];
  /** When the next request is due. */
  let due = startedAt;

  const count = (counts: Record<string, number>, key: string): void => void (counts[key] = (counts[key] ?? 0) + 1);

  function exchange(user: User, id: number, kind: RequestKind): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const { path, headers, body } = mcpRequest(kind, id, user.token, slowHost.url, options.presentation);
    const length = { "content-length": String(Buffer.byteLength(body)) };
    const outgoing = request(
      {
        agent,
        host: target.hostname,
        port: target.port,
        method: "POST",
        path,
        headers: { ...headers, ...length },
        localAddress: user.address,
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.once("error", reject);
        incoming.once("end", () => {
          const header = (name: string) => String(incoming.headers[name] ?? "");
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: incoming.statusCode ?? 0,
            contentType: header("content-type"),
            origin: header(ORIGIN_HEADER),
            body: text,
          });
        });
      },
    );
    const timer = setTimeout(() => outgoing.destroy(new Error("no answer in time")), TIMEOUT_MS);
    outgoing.once("close", () => clearTimeout(timer));
    outgoing.once("error", reject);
    if (kind !== "slow") outgoing.end(body);
    else {
      const half = body.length >> 1;
      outgoing.write(body.slice(0, half));
      setTimeout(() => outgoing.end(body.slice(half)), OWN_MS.slow);
    }
    return promise;
  }

  async function send(user: User, dueAt: number): Promise<void> {
    const id = ++sent;
    const kind = kindOf(id);
    user.lastSentAt = performance.now();
    user.inFlight++;
    pressure.began(id, dueAt + OWN_MS[kind]);
    let status = 0;
    let refusal: string | null = null;
    let reason: string | null;
    try {
      const answer = await exchange(user, id, kind);
      status = answer.status;
      if (status !== 200) refusal = refusalOf(answer.body);
      reason = faultOf(kind, id, status, answer.contentType, answer.body);
      if (answer.origin !== "") count(byOrigin, answer.origin);
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      reason = code ?? message;
    }
    user.inFlight--;
    count(byStatus, String(status));
    const latencyMs = performance.now() - dueAt - OWN_MS[kind];
    latency.add(latencyMs);
    const failure =
      reason === null ? null : { atMs: sinceStart(), waitedMs: Math.round(latencyMs), kind, status, refusal, reason };
    pressure.ended(id, latencyMs, failure);
    for (const listener of listeners) listener({ latencyMs, failed: failure !== null });
    if (!failure) return;
    failed++;
    if (failures.length < KEPT_FAILURES) failures.push(failure);
  }

  /** The next user in turn who may send now. */
  function free(now: number): User | null {
    for (let i = 0; i < users.length; i++) {
      const user = users[(nextUser + i) % users.length];
      if (!user || user.inFlight >= USER_IN_FLIGHT || now - user.lastSentAt < userSpacingMs) continue;
      nextUser = (nextUser + i + 1) % users.length;
      return user;
    }
    return null;
  }

  const timer = setInterval(() => {
    const now = performance.now();
    if (now - due > BACKLOG_MS) due = now - BACKLOG_MS;
    for (; due <= now; due += interval(due - startedAt)) {
      const user = free(now);
      if (!user) return;
      if (now - user.mintedAt > TOKEN_AGE_MS) {
        user.mintedAt = now;
        void tokenOf(user.sub).then((token) => (user.token = token));
      }
      const work = send(user, due).finally(() => open.delete(work));
      open.add(work);
    }
  }, TICK_MS);
  const stats = (): TrafficStats => ({
    sent,
    failed,
    inFlight: open.size,
    byStatus: { ...byStatus },
    byOrigin: { ...byOrigin },
    p50Ms: latency.quantile(0.5),
    p99Ms: latency.quantile(0.99),
  });
  let report: Promise<TrafficReport> | null = null;
  async function finish(): Promise<TrafficReport> {
    clearInterval(timer);
    const durationMs = sinceStart();
    const late = new AbortController();
    await Promise.race([
      Promise.all(open),
      sleep(TIMEOUT_MS + STOP_MARGIN_MS, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
    agent.destroy();
    await slowHost.close();
    pressure.stop();
    const slow = pressure.slow();
    const told = failures.map((failure) => ({ ...failure, slow: slow.has(failure) }));
    return { ...stats(), users: userCount, durationMs, slow: slow.size, ratePerSecond, failures: told };
  }
  return {
    stats,
    onAnswer(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop: () => (report ??= finish()),
  };
}
