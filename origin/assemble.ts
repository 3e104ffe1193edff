/**
 * Puts an origin together from its settings and what is not deterministic (clocks, fetch, database, output). main.ts does it with
 * the real ones, tests with their own; nothing here reads the process or the environment.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { err, ok, type Result } from "../contract/result.ts";
import { createAlerts, RETRY_EVERY_MS } from "./telemetry/alerts.ts";
import { createBackground } from "./telemetry/background.ts";
import { createBroker } from "./calls/broker.ts";
import { createCaller } from "./calls/call.ts";
import { createRunning } from "./calls/running.ts";
import { createUnread } from "./limits/unread.ts";
import { createClaims } from "./calls/idempotency.ts";
import type { OriginSettings } from "./config.ts";
import type { Database } from "./database/database.ts";
import type { EventSink } from "./events.ts";
import { faultOf } from "./faults.ts";
import { createBodyBudget } from "./limits/body-budget.ts";
import { createSlidingLog } from "./limits/sliding-log.ts";
import { createUsage, SYNC_INTERVAL_MS } from "./limits/usage.ts";
import { createLog, FLUSH_MS } from "./telemetry/log.ts";
import { createMcp } from "./calls/mcp.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import type { Registry } from "./modules/registry.ts";
import { createObserver } from "./http/observe.ts";
import { createRequestHandler, DEADLINE_MS } from "./http/request.ts";
import { createOrigin, type Origin } from "./http/server.ts";
import { compareVersions, listenForChanges, POLL_MS } from "./sieve/invalidation.ts";
import { createPermissionCache } from "./sieve/permissions.ts";
import { createRefusals } from "./sieve/record-refusals.ts";
import { createPeers } from "./http/peer.ts";
import { createGate } from "./http/verify.ts";
import type { Servers } from "./servers/servers.ts";
import { watchServers } from "./servers/watch.ts";

const SWEEP_MS = 60_000;
/**
 * For the database's word on readiness. Well within what the gateway waits for it: an origin whose database hangs is there, and serves what
 * needs none, so it says so before it counts as down. Unit: milliseconds.
 */
const READY_MS = 4_000;

/** What an origin cannot make itself. */
export interface Surroundings {
  readonly database: Database;
  readonly registry: Registry;
  /** Servers whose modules are in the registry; absent = none. */
  readonly servers?: Servers;
  readonly fetch: typeof fetch;
  /** Monotonic. Unit: milliseconds. */
  readonly now: () => number;
  readonly wallClock: () => Date;
  /** Writes one JSON line. */
  readonly line: (event: Readonly<Record<string, unknown>>) => void;
  /** Longest time of a request; absent = {@link DEADLINE_MS}. Unit: milliseconds. */
  readonly deadlineMs?: number;
}

/** An origin that is ready to listen. */
export interface Assembled {
  readonly origin: Origin;
  /** Begins periodic work; call it once the server listens. */
  start(): void;
  /** Lets requests finish for at most `graceMs`, writes what is pending, closes the database. */
  stop(graceMs: number): Promise<void>;
  /** One comparison of permission versions, as the timer does it. */
  readonly pollPermissions: () => Promise<void>;
  /** One accounting round, as the timer does it. */
  readonly syncUsage: () => Promise<boolean>;
  /** Writes pending events, as the timer does it. */
  readonly flushLog: () => Promise<void>;
  /** Finds late verdicts, as the timer does it. */
  readonly judgeRefusals: () => Promise<void>;
}

/** Puts it together. @returns as error one sentence about the gateway secret, without any value. */
export function assemble(settings: OriginSettings, surroundings: Surroundings): Result<Assembled, string> {
  const { config, secrets, requestStateKey, brokerSecret } = settings;
  const { database, registry, fetch, now, wallClock, line } = surroundings;
  const gate = createGate(secrets, { now });
  if (!gate.ok) return err(gate.error);

  const metrics = createMetrics();
  const onError = (error: unknown): void => {
    line({ at: wallClock().toISOString(), event: "internal_error", severity: "error", ...faultOf(error) });
  };
  const background = createBackground(onError);
  const alerts = createAlerts({ webhook: config.alertWebhook, environment: config.environment, fetch, now, line });
  const log = createLog({
    origin: config.origin,
    line,
    database,
    wallClock,
    now,
    onWritten: (event) => alerts.consider(event),
  });
  const events: EventSink = {
    record(occurrence) {
      metrics.count("mcpist_events_total", occurrence.event);
      log.record(occurrence);
    },
  };

  const running = createRunning();
  /** Nobody goes on with a call that was allowed when it began and is not any more. */
  const recheck = (userId: string): void =>
    background.later(async () => {
      const user = await permissions.get(userId);
      running.keep(userId, user);
      if (user?.active !== true) await surroundings.servers?.endUser(userId);
    });
  const permissions = createPermissionCache({
    onChange(userId) {
      if (running.has(userId) || surroundings.servers?.hasUser(userId) === true) recheck(userId);
    },
    database,
    registry,
    now,
    onGrace: (userId) =>
      events.record({
        event: "db_unavailable",
        severity: "error",
        requestId: null,
        userId,
        reason: "cached permissions",
      }),
  });
  const limiter = createSlidingLog(now);
  const budget = createBodyBudget();
  const usage = createUsage(database, config.origin, events);
  const claims = createClaims({ database, origin: config.origin, sleep, now });
  const broker = createBroker({
    url: config.brokerUrl,
    secret: brokerSecret,
    scopesOf: (module) => registry.get(module)?.scopes ?? [],
    fetch,
    now,
    wallClock,
    onDenied: (userId, module, requestId, reason) =>
      events.record({ event: "broker_denied", severity: "warn", requestId, userId, module, reason }),
  });
  const caller = createCaller({ claims, broker, events, metrics, wallClock });
  const refusals = createRefusals({ database, registry, events, metrics, usage, now });
  const presentation = config.presentation ?? "meta";
  const mcp = createMcp({
    presentation,
    registry,
    requestStateKey,
    execute: (call) => caller.run(call),
    onRefused: refusals.record,
    onRefusedNative: refusals.recordNative,
    onError: () => metrics.count("mcpist_requests_total", "sdk_rejected"),
  });
  const serveMcp = createRequestHandler({
    permissions,
    registry,
    limiter,
    usage,
    caller,
    mcp,
    events,
    metrics,
    budget,
    running,
    unread: createUnread(),
    presentation,
    deadlineMs: surroundings.deadlineMs ?? DEADLINE_MS,
    later: background.later,
  });
  const ready = (): Promise<boolean> => {
    const answers = database.query("select 1").then(
      () => true,
      () => false,
    );
    return Promise.race([answers, sleep(READY_MS, false, { ref: false })]);
  };
  const observer = createObserver(gate.value, settings, now);
  const origin = createOrigin({
    name: config.origin,
    gate: gate.value,
    peerOf: createPeers(settings.onFly, settings.gatewayRanges ?? undefined),
    observer,
    serveMcp,
    events,
    metrics,
    ready,
    onError,
  });

  metrics.gauge("mcpist_requests_in_flight", "Requests to /mcp that are being served", origin.inFlight);
  metrics.gauge("mcpist_permission_cache_users", "Users in the permission cache", () => permissions.size);
  metrics.gauge("mcpist_limiter_users", "Users with a call in the last minute", () => limiter.users);
  metrics.gauge("mcpist_body_bytes", "Bytes of request bodies over 16 KiB that are held", () => budget.held);
  metrics.gauge("mcpist_events_lost_rows", "Events that reached no database row", () => log.lostRows);

  const watching = surroundings.servers
    ? watchServers({
        servers: surroundings.servers,
        database,
        permissions,
        events,
        metrics,
        background,
        line,
        wallClock,
      })
    : null;

  const listening = listenForChanges(database, permissions);
  const pollPermissions = async (): Promise<void> => {
    await listening.renew();
    await compareVersions(database, permissions);
  };

  return ok({
    origin,
    start() {
      watching?.start();
      background.later(() => listening.renew());
      background.every(POLL_MS, pollPermissions);
      background.every(FLUSH_MS, () => log.flush());
      background.every(FLUSH_MS, () => refusals.retry());
      background.every(RETRY_EVERY_MS, async () => alerts.retry());
      background.every(SYNC_INTERVAL_MS, async () => void (await usage.sync()));
      background.every(SWEEP_MS, async () => {
        limiter.sweep();
        await claims.sweep();
      });
    },
    async stop(graceMs) {
      // A platform may kill before the grace is over: what can be written now is not left for the end.
      void usage.sync();
      void log.flush(true);
      await origin.drain(graceMs);
      await mcp.close();
      await watching?.stop();
      await background.stop();
      await usage.sync();
      await log.flush(true);
      await alerts.settle();
      await listening.stop();
      await database.close();
    },
    pollPermissions,
    syncUsage: () => usage.sync(),
    flushLog: () => log.flush(),
    judgeRefusals: () => refusals.retry(),
  });
}
