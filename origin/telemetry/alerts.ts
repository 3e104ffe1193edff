/**
 * Tells a person: certain events are posted to a webhook, each kind at most once in ten minutes, user and kid. The body carries the
 * fields of the security log and nothing else; the reply is not read. What was not delivered is tried again for a quarter of an
 * hour, and mutes nothing after that. Failing to deliver is logged, never thrown.
 */
import type { SecurityEvent, SecurityEventName } from "../../contract/security-event.ts";

/** A delivered alert is not sent again within this time. Unit: milliseconds. */
export const QUIET_MS = 600_000;
/** Waiting time after each failed attempt; after the last one the alert is given up. Unit: milliseconds. */
export const RETRIES_MS = [10_000, 30_000, 60_000, 120_000, 240_000, 480_000] as const;
/** How often {@link Alerts.retry} is to be called. Unit: milliseconds. */
export const RETRY_EVERY_MS = 5_000;
const TIMEOUT_MS = 5_000;
/** Alerts that are remembered at once. */
export const MAX_ALERTS = 1_000;

const ALERTING: ReadonlySet<SecurityEventName> = new Set<SecurityEventName>([
  "probe_suspected",
  "gateway_secret_rejected",
  "claim_owner_mismatch",
  "identity_malformed",
]);

/** What alerts need from outside. */
export interface AlertSources {
  /** null = alerts are only logged. */
  readonly webhook: string | null;
  readonly environment: string;
  readonly fetch: typeof fetch;
  /** Monotonic. Unit: milliseconds. */
  readonly now: () => number;
  /** Writes one JSON line. */
  readonly line: (event: Readonly<Record<string, unknown>>) => void;
}

/** Sends alerts. */
export interface Alerts {
  /** Called for every written event. */
  consider(event: SecurityEvent): void;
  /** Sends again what failed and has waited long enough. */
  retry(): void;
  /** Waits for what is under way, then tries once more what has failed. */
  settle(): Promise<void>;
}

interface Alert {
  readonly event: SecurityEvent;
  /** Attempts that have failed. */
  failed: number;
  /** `sent`: delivered; it mutes its like until `until`. `failed`: tried again from `until` on. */
  state: "sending" | "sent" | "failed";
  /** Monotonic. Unit: milliseconds. */
  until: number;
}

const keyOf = ({ event, userId, kid }: SecurityEvent): string => JSON.stringify([event, userId, kid]);

/** Builds the alerts. */
export function createAlerts({ webhook, environment, fetch, now, line }: AlertSources): Alerts {
  const alerts = new Map<string, Alert>();
  const underWay = new Set<Promise<void>>();

  async function post(event: SecurityEvent, url: string): Promise<string> {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ alert: event.event, environment, ...event }),
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.body?.cancel();
      return response.ok ? "sent" : `status ${response.status}`;
    } catch {
      return "unreachable";
    }
  }

  function say({ at, event, requestId }: SecurityEvent, outcome: string): void {
    line({ at, event: "alert", severity: outcome === "sent" ? "info" : "error", alert: event, outcome, requestId });
  }

  async function attempt(key: string, alert: Alert, url: string): Promise<void> {
    const outcome = await post(alert.event, url);
    say(alert.event, outcome);
    if (outcome === "sent") Object.assign(alert, { state: "sent", until: now() + QUIET_MS });
    else {
      const pause = RETRIES_MS[alert.failed++];
      if (pause !== undefined) Object.assign(alert, { state: "failed", until: now() + pause });
      else {
        alerts.delete(key);
        say(alert.event, "given up");
      }
    }
  }

  function send(key: string, alert: Alert, url: string): void {
    alert.state = "sending";
    const sending = attempt(key, alert, url).finally(() => underWay.delete(sending));
    underWay.add(sending);
  }

  /** Makes room: what is over first, then the oldest that was delivered, and only then one that was not. */
  function makeRoom(): void {
    for (const [key, { state, until }] of alerts) if (state === "sent" && until <= now()) alerts.delete(key);
    if (alerts.size < MAX_ALERTS) return;
    const [oldest] = alerts;
    const victim = [...alerts].find(([, { state }]) => state === "sent") ?? oldest;
    if (!victim) return;
    const [key, { state, event }] = victim;
    alerts.delete(key);
    if (state !== "sent") say(event, "given up");
  }

  return {
    consider(event) {
      if (webhook === null || !ALERTING.has(event.event)) return;
      const key = keyOf(event);
      const known = alerts.get(key);
      if (known && (known.state !== "sent" || now() < known.until)) return;
      alerts.delete(key);
      if (alerts.size >= MAX_ALERTS) makeRoom();
      const alert: Alert = { event, failed: 0, state: "sending", until: 0 };
      alerts.set(key, alert);
      send(key, alert, webhook);
    },
    retry() {
      if (webhook === null) return;
      for (const [key, alert] of alerts)
        if (alert.state === "failed" && alert.until <= now()) send(key, alert, webhook);
    },
    async settle() {
      await Promise.all(underWay);
      if (webhook === null) return;
      for (const [key, alert] of alerts) if (alert.state === "failed") send(key, alert, webhook);
      await Promise.all(underWay);
    },
  };
}
